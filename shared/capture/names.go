package capture

import "github.com/hopwire/hopwire/shared/events"

// The words for connections are those of package events.
type (
	Hop       = events.Hop
	Direction = events.Direction
	Ending    = events.Means
)

// Their values.
const (
	UnknownHop = events.UnknownHop
	ClientHop  = events.ClientHop
	OriginHop  = events.OriginHop
	Inbound    = events.Inbound
	Outbound   = events.Outbound
	NotEnded   = events.NotEnded
	FIN        = events.FIN
	RST        = events.RST
)

// HopNamed is that of events.
var HopNamed = events.HopNamed
