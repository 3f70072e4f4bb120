# Runs one program for exactly as long as its owner lives: supervisor.sh FOLDER LOG PROGRAM ARGUMENT...
#
# Standard input is a pipe of which only the owner holds the other end, so its end of file says that the owner let go
# or is gone, however it ended. The first line of standard output is the program's process id; the exit status is the
# program's. As the parent, this shell knows that the id is still that program's when it kills.
folder=$1 log=$2
shift 2

# The janitor removes the folder once no supervisor holds this lock any more.
exec 3<&0 4<"$folder"
flock --shared 4

"$@" </dev/null >>"$log" 2>&1 3<&- 4<&- &
program=$!
cat <&3 >/dev/null 4<&- &
owner=$!
trap 'kill -KILL $program $owner' TERM INT HUP

echo "$program"
exec >&- 2>&-
wait -n "$program" "$owner"
status=$?
if kill -0 "$owner"; then
    kill "$owner"
else
    kill -KILL "$program"
    wait "$program"
    status=$?
fi
exit "$status"
