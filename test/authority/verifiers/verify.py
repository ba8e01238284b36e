"""Connects to each PORT=HOST of the arguments with the roots of the first one, and says how that ended."""
import socket
import ssl
import sys

context = ssl.create_default_context(cafile=sys.argv[1])
for case in sys.argv[2:]:
    port, host = case.split("=")
    try:
        with socket.create_connection(("127.0.0.1", int(port))) as plain:
            with context.wrap_socket(plain, server_hostname=host):
                print(port, "accepted")
    except ssl.SSLError as error:
        print(port, "refused", error.verify_message if hasattr(error, "verify_message") else error)
