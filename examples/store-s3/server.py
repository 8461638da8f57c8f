"""A server that speaks S3, in memory, on a free port of the loopback, with the bucket `goods`.

Usage: server.py PORT_FILE. The port is written to PORT_FILE once the server listens.
"""

import os
import sys
import time

import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
port = server.get_host_and_port()[1]
s3 = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1")
s3.create_bucket(Bucket="goods")
new = sys.argv[1] + ".new"
with open(new, "w") as file:
    file.write(f"{port}\n")
os.rename(new, sys.argv[1])
parent = os.getppid()
# Whoever started it may be killed: nobody needs it then.
while os.getppid() == parent:
    time.sleep(1)
