// Package view shows events to people in a terminal: an exchange as a line, or as a
// picture of both hops with what was changed between them; connections as lanes.
//
//	events ─► Collector: which bytes are of which exchange? ─► *Exchange, when it ends
//	              │                                                │
//	              └─► Lanes                                        ├─► AppendLine
//	                                                               └─► AppendPicture
//
// It knows no terminal. Its text has no control bytes but line feeds, and the
// sequences that set colours where these are wanted: whatever came over the network
// is shown, and never obeyed.
package view
