package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/urfave/cli/v2"
)

// tlsFlags are those that count where the target is an https one.
func tlsFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "insecure", Usage: "accept any certificate of an https server"},
		&cli.StringFlag{Name: "ca", Usage: "trust the authorities whose certificates are in `FILE`, in PEM, and no others", DefaultText: "those of this machine"},
		&cli.BoolFlag{Name: "tls-resume", Usage: "have TLS handshakes resume an earlier session, which makes them shorter"},
	}
}

// A destination is where requests go.
type destination struct {
	address string // as loop.ParseAddress takes it
	secure  bool   // TLS is spoken
	name    string // of the server, as its certificate has it
}

// destinationOf is what a target says. Where that is no more than an address, it is the
// URLs that say whether TLS is spoken; and they say who is meant.
func destinationOf(target string, p *plan.Plan) (destination, error) {
	to, err := parseTarget(target)
	if err != nil {
		return to, err
	}
	var names []string
	plain := false
	for _, t := range p.Targets {
		if url, _ := parseTarget(t); !url.secure {
			plain = true
		} else if !slices.Contains(names, url.name) {
			names = append(names, url.name)
		}
	}
	if !strings.Contains(target, "://") && len(names) > 0 {
		if plain || len(names) > 1 {
			return to, program.Usagef("the URLs name several servers (%s), of which a connection with TLS can be to one: add https:// or http:// to --target",
				strings.Join(p.Targets, ", "))
		}
		to.secure = true
	}
	if len(names) == 1 {
		to.name = names[0]
	}
	return to, nil
}

// parseTarget reads an address, or a URL that has nothing more.
func parseTarget(s string) (destination, error) {
	if !strings.Contains(s, "://") {
		return destination{address: s}, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return destination{}, program.Usagef("--target %q: write host:port, https://host:port or unix:/path", s)
	}
	to := destination{name: u.Hostname(), secure: u.Scheme == "https"}
	port := "80"
	if to.secure {
		port = "443"
	}
	to.address = net.JoinHostPort(to.name, cmp.Or(u.Port(), port))
	return to, nil
}

// tlsConfigOf says whom to trust at a destination; nil where no TLS is spoken.
func tlsConfigOf(c *cli.Context, to destination) (*tls.Config, error) {
	if !to.secure {
		for _, name := range []string{"insecure", "ca", "tls-resume"} {
			if c.IsSet(name) {
				return nil, program.Usagef("--%s is for TLS, which is spoken to https:// URLs and targets only", name)
			}
		}
		return nil, nil
	}
	config := &tls.Config{ServerName: to.name, InsecureSkipVerify: c.Bool("insecure")}
	file := c.String("ca")
	if file == "" {
		return config, nil
	}
	if config.InsecureSkipVerify {
		return nil, program.Usagef("--insecure accepts any certificate, also those that are not of --ca: give one of them")
	}
	certificates, err := os.ReadFile(file)
	if err != nil {
		return nil, program.Usagef("--ca: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(certificates) {
		return nil, program.Usagef("--ca %s: there is no certificate in PEM in it", file)
	}
	return config, nil
}
