"""Tells Ray that AWS takes this spot instance away, two minutes before it does. Runs on each worker."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

METADATA = os.environ.get("METADATA_URL", "http://169.254.169.254/latest")
EVERY = float(os.environ.get("NOTICE_SECONDS", "5"))
DRAIN = ["ray", "drain-node", "--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "spot notice"]
DEADLINE = ["--deadline-remaining-seconds", "110"]


def noticed() -> bool:
    """Whether the instance's metadata has an interruption notice; False also where nobody answers."""
    ask = urllib.request.Request(f"{METADATA}/api/token", method="PUT")
    ask.add_header("X-aws-ec2-metadata-token-ttl-seconds", "60")
    try:
        token = urllib.request.urlopen(ask, timeout=2).read(1000).decode()
        look = urllib.request.Request(f"{METADATA}/meta-data/spot/instance-action")
        look.add_header("X-aws-ec2-metadata-token", token)
        urllib.request.urlopen(look, timeout=2).close()
    except (urllib.error.URLError, TimeoutError, ValueError):
        return False
    return True


if __name__ == "__main__":
    while not noticed():
        time.sleep(EVERY)
    sys.exit(subprocess.run([*DRAIN, *DEADLINE], check=False).returncode)
