# Removes a folder when its owner is gone: janitor.sh FOLDER
#
# Standard input is a pipe of which only the owner holds the other end; see supervisor.sh, whose lock on the folder is
# waited for here, so that nothing is written to the folder while it is removed.
trap : TERM INT HUP
exec 4<"$1"
while read -r _ || (($? > 128)); do :; done
flock --exclusive 4
rm -rf -- "$1"
