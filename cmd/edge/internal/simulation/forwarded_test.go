package simulation

import "net/netip"

// In some worlds origins are told for whom a request is forwarded, and clients
// tell tales about that.

// here is where all clients are.
const here = "127.0.0.1"

var everybody = []netip.Prefix{netip.MustParsePrefix(here + "/8")}

// claims are what a client says of itself.
func (w *world) claims(r *request, t *twin) {
	say := w.claimant(t)
	if w.one(2) {
		say(w.claim())
		return
	}
	if w.config.XForwarded && w.config.Trusted != nil {
		t.changed("X-Forwarded-For: 10.0.0.1\r\n", "X-Forwarded-For: 10.0.0.1, "+here+"\r\n")
		r.joined = true
		return
	}
	say("X-Forwarded-For: 10.0.0.1\r\n")
}

func (w *world) claim() string {
	return pick(w.rng, "Forwarded: for=10.0.0.1\r\n", "X-Real-IP: 10.0.0.1\r\n", "X_Forwarded_For: 10.0.0.1\r\n",
		"X-Forwarded-Ssl: on\r\n", "x.forwarded-prefix:/a\r\n", "X-Client-IP: 10.0.0.1\r\n")
}

// claimant makes a client's claims. Unless it is trusted, they go where origins are
// told by the gateway.
func (w *world) claimant(t *twin) func(string) {
	if (w.config.Forwarded || w.config.XForwarded) && w.config.Trusted == nil {
		return t.dropped
	}
	return t.both
}

// forwardedFor are the lines that the gateway adds.
func (w *world) forwardedFor(r *request, t *twin) {
	if w.config.Forwarded {
		t.added("Forwarded: for=" + here)
		if r.host != "" {
			t.added(`;host="` + r.host + `"`)
		}
		t.added(";proto=http\r\n")
	}
	if !w.config.XForwarded {
		return
	}
	if !r.joined {
		t.added("X-Forwarded-For: " + here + "\r\n")
	}
	t.added("X-Forwarded-Proto: http\r\n")
	if r.host != "" {
		t.added("X-Forwarded-Host: " + r.host + "\r\n")
	}
}
