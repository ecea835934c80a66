package capture

import "github.com/hopwire/hopwire/shared/events"

type (
	Hop       = events.Hop
	Direction = events.Direction
	Ending    = events.Means
)

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

var HopNamed = events.HopNamed
