# Runs one program for exactly as long as its owner lives: supervisor.sh FOLDER LOG PROGRAM ARGUMENT...
#
# Standard input is a pipe of which only the owner holds the other end, so its end of file says that the owner let go
# or is gone, however it ended. The first line of standard output is the program's process id; the exit status is the
# program's.
folder=$1 log=$2
shift 2

# The janitor removes the folder once no supervisor holds this lock any more.
exec 3<&0 4<"$folder"
flock --shared 4

"$@" </dev/null >>"$log" 2>&1 3<&- 4<&- &
program=$!
{
    read -r _ <&3
    kill -KILL "$program"
} >/dev/null 2>&1 4<&- &
owner=$!
trap 'kill -KILL "$program"' TERM INT HUP

echo "$program"
exec >&- 2>&-
# Not `wait -n` for either of the two: it misses a child that ended before the call.
wait "$program"
status=$?
kill "$owner"
exit "$status"
