"""The classic page that counts its hits in redis, and says which replica answered."""
import os
import socket

import redis
from flask import Flask

app = Flask(__name__)
store = redis.Redis(host=os.environ.get("REDIS_HOST", "redis"), socket_timeout=2, socket_connect_timeout=2)


@app.get("/")
def page():
    return f"hit {store.incr('hits')} served by {socket.gethostname()}\n"


@app.get("/hits")
def hits():
    return f"{int(store.get('hits') or 0)}\n"


@app.get("/healthz")
def healthz():
    return "ok\n"


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000, threaded=True)
