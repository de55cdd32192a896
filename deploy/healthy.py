"""A container's health check: exit status 0 when the process answers /healthz with 200 on the given port."""

import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=2)
connection.request("GET", "/healthz")
sys.exit(connection.getresponse().status != 200)
