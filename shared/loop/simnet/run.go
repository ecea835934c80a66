package simnet

import (
	"errors"

	"github.com/hopwire/hopwire/shared/loop"
)

// Run runs one loop in the world, from start, which listens and starts the
// first tasks, until somebody calls Stop on the group. The error joins whatever
// went wrong: ErrQuiet if the world stood still before, ErrLifetime if it became
// too old, what the loop reported, panics of tasks among it, and Leaks.
//
// The loop is set up as config says, but for the engine, and for Report if it is
// nil.
func (w *World) Run(config loop.Config, start func(*loop.Group) error) error {
	var reported []error
	config.Engine = w.Engine
	if config.Report == nil {
		config.Report = func(err error) { reported = append(reported, err) }
	}
	g, err := loop.NewGroup(1, config)
	if err != nil {
		return err
	}
	if err = start(g); err != nil {
		g.Stop() // and run, so that what was opened is closed
	}
	err = errors.Join(err, g.Run())
	return errors.Join(append(reported, err, w.Leaks())...)
}
