// Package view shows events to people in a terminal: an exchange as a line, as a
// picture of both hops with what was changed between them, or as bytes with their
// roles; what was decided about it; connections as lanes.
//
//		events ─┬► Collector: which bytes are of which exchange? ─► *Exchange, when it ends
//		        │                                                      ├─► AppendLine
//		        │                                                      ├─► AppendPicture
//		        │                                                      ├─► AppendHex
//		        │                                                      └─► AppendDecisions
//		        └► Lanes ───────────────────────────────────────────────► AppendLanes
//
//	  - parts.go finds head, content, trailer section and what is behind a message;
//	  - align.go puts lines of two heads beside each other by the edits between them;
//	  - text.go has what all share: widths, colours, and the gate to the terminal.
//
// It knows no terminal. Its text has no control bytes but line feeds, and the
// sequences that set colours where these are wanted: whatever came over the network
// is shown, and never obeyed. No line is longer than Style.Width, and everything is
// bounded, however long exchanges go on.
package view
