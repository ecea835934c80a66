package names

import (
	"context"
	"time"

	"github.com/miekg/dns"
)

// overNetwork is the exchange of the real world. Each question has a socket of
// its own, and so a port that nobody who wants to forge the answer can know. That the
// context ended goes before what the connection, closed by that, has to say.
func overNetwork(ctx context.Context, network, server string, m *dns.Msg) (*dns.Msg, error) {
	client := dns.Client{Net: network}
	if deadline, ok := ctx.Deadline(); ok {
		client.Timeout = time.Until(deadline)
	}
	conn, err := client.DialContext(ctx, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// The library minds the deadline of a context, not its cancellation.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	answer, _, err := client.ExchangeWithConnContext(ctx, m, conn)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return answer, err
}
