# A PostgreSQL server for a test: does what it is told line by line, and is gone when its input ends, which
# it does also when the test is killed.
#
# $1: the newest version's folder is searched in here. $2: the port. $3…: settings, each NAME=VALUE.
programs=$(ls -d "$1"/*/bin | sort -V | tail -n 1)
port=$2
shift 2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap '' INT TERM HUP
settings="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200"
for setting; do settings="$settings -c $setting"; done

control() {
    "$programs/pg_ctl" -D "$folder/data" -w -s "$@" >>"$folder/log" 2>&1 </dev/null
}

say() {
    if [ "$1" = 0 ]; then echo done; else tail -n 20 "$folder/log" | tr '\n' ' '; echo; fi
}

"$programs/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync \
    >"$folder/log" 2>&1 </dev/null
say $?
while read -r command; do
    case $command in
    start) control -o "$settings" -l "$folder/server.log" start ;;
    stop) control -m fast stop ;;
    crash) control -m immediate stop ;;
    pid) head -n 1 "$folder/data/postmaster.pid"; continue ;;
    esac
    say $?
done
control -m immediate stop
