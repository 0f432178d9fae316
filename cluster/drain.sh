#!/bin/sh
# Before a worker goes: Ray gives it no more work, and moves what can be moved. Then wait until it has let go, or until
# the time is over. Kubernetes calls this when it takes a pod away (preStop). Usage: drain.sh SECONDS
seconds=${1:-100}
ray drain-node --reason DRAIN_NODE_REASON_PREEMPTION --reason-message "the node is taken away" \
    --deadline-remaining-seconds "$seconds" || exit 0
while [ "$seconds" -gt 0 ] && cat /proc/[0-9]*/comm 2>/dev/null | grep -qx raylet; do
    sleep 1
    seconds=$((seconds - 1))
done
exit 0
