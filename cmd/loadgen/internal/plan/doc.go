// Package plan makes what is to be sent of recordings and URLs.
//
//	recordings, URLs                     *capture.Recording, "http://…"
//	     │  FromRecording, Ask.FromURL   (plan.go, hops.go, url.go, ask.go)
//	     ▼
//	   Plan     sessions of requests: the bytes to send, what to expect
//
// The bytes are the recorded ones. Where requests cannot be sent as they were
// recorded (tunnels, requests that the recording has only part of) they are left
// out and the Plan says so.
package plan
