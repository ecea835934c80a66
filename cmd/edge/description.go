package main

// description stands in the help, above the flags.
const description = `Edge is an HTTP/1.1 gateway. It sends each request on to one of the origins
over a connection that is kept for further requests. An origin that fails is left
out for a while; a request for which it cannot be connected to goes to another one.
Of SRV records, those of the lowest priority that are well get the requests.
What edge forwards are the bytes it received, apart from the fields, in heads and in
trailer sections, that are meant for one hop only (RFC 9110 section 7.6.1), its name
in Via, and Date where a response has none. What two recipients could read
differently it refuses, and a request that has been here more than eight times, as
Via tells. An answer of its own has a Proxy-Status field (RFC 9209) that says why,
and a line of text that says it in words.
With --via - requests have no Via: origins that do not compress for gateways, as
nginx by default, do so then.

With --forwarded or --x-forwarded, what a client says by itself in Forwarded, in
fields whose names begin with X-Forwarded, in X-Real-IP or X-Client-IP is dropped,
also where a name has underscores or the like, and in trailer sections: an origin
would take it for what the gateway says. What a client says that is --trusted, as
another gateway in front is, goes on. Its lists get one more element, and a host or
protocol that it names is left alone. Without either flag such fields are passed on
like any other.

With --verbatim heads and trailer sections are sent on as they came, in both
directions. Connection: close, from either side, then ends the connections on both,
HTTP/1.0 goes as HTTP/1.0, and so do absolute targets, Max-Forwards and Upgrade as
they are. What is refused stays the same, but for names in trailer sections that only
look like those of framing fields. A chunked response is not decoded for an HTTP/1.0
client, and where the edge closes for its own reasons, it cannot announce that.

A request to upgrade is sent on, and after a 101 that accepts what it offers the
two connections are a tunnel; but no offer of h2c, HTTP or TLS, in which further
requests would be hidden. A tunnel is closed when both sides have ended it, or
after --tunnel-timeout.

The first SIGTERM or SIGINT lets requests and tunnels under way come to their
end, for --drain-timeout at most; the second one stops at once. SIGUSR1 has the
counters written to standard error, a name and a value on each line: what requests
came to, how client and origin connections ended, by the words that the access log
has for it, and by whom they were closed, which requests were refused, and what became
of those that met a stale connection.
Causes that did not occur are left out. SIGHUP has the access log opened anew, so
that it can be moved away; if standard error is a terminal that has been closed,
it ends the program as SIGTERM does.

A line of the access log begins in Common Log Format. Behind that stand the times,
in microseconds, that follow one another: read, to the end of the request's head;
queue, if it waited for an origin connection; connect, until there was one; send,
until what was there of the request was written; wait, to the first byte of the
response; relay, to its last; and total. c3#2 -> o1#7 is the second request of client
connection 3, sent as the seventh of origin connection 1. The two words behind it
say what became of these: kept, or why it was closed. Then replayed, if the request
was sent again; stale=o1#6, if a kept connection ended without a response, with
idle, the time that it had waited for the request, and sign, how it ended: ended or
reset; the times connect and send are then those of the first try; and ! with the
error and the rule by which the edge answered by itself, or broke a response off.
With --log-connections a line that has "-" for the request tells of the end of a
connection, c3 or o1: why, the requests it had, its age, and to an origin its local
address. With --log-format json each line is an object, also each message on standard
error, with the time in UTC; README lists the names.

The words for what became of a client connection, beside kept, are
  client-closed             the client closed it between two requests
  client-reset              the client reset it, at whatever time
  client-asked              the client said that it was its last request
  idle-timeout, gave-way    no request came within --idle-timeout, or before
                            another client needed the place
  origin-asked              the origin closes, and said so with --verbatim, or
                            before it had the whole request
  response-until-close      only the end of the connection ends the response
  draining, cut-off         the edge ends; or was stopped before
  request-truncated, request-timeout, request-too-slow
                            the rest of a request did not come
  request-unread            nobody took the rest of the request
  refused                   where the next request begins is in doubt
  client-stalled, client-too-slow
                            the client took nothing of the response, or less
                            than --min-rate
  origin-stale              a kept origin connection ended, and only the
                            client may send the request again
  response-truncated, response-timeout, response-malformed
                            the rest of a response did not come
  tunnel-ended, tunnel-timeout, tunnel-reset
                            by both sides, by --tunnel-timeout, by the origin
  broken                    the edge failed
and of an origin connection
  ended-while-idle, reset-while-idle, bytes-while-idle
                            by the origin, while it waited for a request
  idle-timeout, keep-alive-timeout
                            of --pool-idle, or as its Keep-Alive says
  pool-full, made-room      beyond --pool-max; or a new one was needed
  max-age, max-uses         of --pool-age, --pool-uses
  request-closes, response-closes
                            the message said so
  request-unfinished, response-unfinished, response-early, bytes-behind-response
                            message or exchange did not end as it should
  failed, aborted           it broke, or was too late; the client went away
  tunnel-ended              it was a tunnel
  origin-removed, draining  its origin is none any more; the edge ends

With --admin, /metrics has the same counters for Prometheus, and /counters as JSON, in which
the sums come out at any moment: connections accepted are those that are open and
those that have ended, and requests received are those that are under way, and those
that were answered, refused, tunneled or broken off. /healthz says
that the program lives, and /readyz that it accepts clients, until the first signal.

EXAMPLES
  edge --origin 127.0.0.1:9000
      a gateway on 127.0.0.1:8080
  edge --listen :80 --origin 10.0.0.1:80 --origin 10.0.0.2:80 --access-log -
      two origins in turn, with a log on standard output
  edge --origin dns://app.internal:80 --check /healthz
      all addresses of a name, as it changes, as long as they are healthy
  edge --origin 10.0.0.1:80,10.0.0.2:80 --balance hash:target \
       --origin-max-connections 64 --queue-max 1000
      each target at one origin, and requests that wait for their turn
  edge --origin unix:/run/app.sock --record session.pcapng
      record both hops, for Wireshark, tshark or loadgen
  edge --origin 127.0.0.1:9000 --record - | tshark -r - -Y "http || syslog"
      look on while they go by
  edge --origin 127.0.0.1:9000 --trace pictures
      see both hops side by side, and why each change was made`
