package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/events/redact"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/hopwire/hopwire/shared/wire"
	"github.com/urfave/cli/v2"
)

const verifyDescription = `
With --verify, status and content are compared with the recorded response, however
it is chunked. With --verify-head, so are its field lines, byte for byte and in
their order, and how it is framed: by none, length, chunked or until-close. The
reason phrase and trailer fields are not; nor are the fields that tell of the
moment or of the connection: Age, Connection, Date, Expires, Keep-Alive,
Server-Timing, Via and those that --volatile names. Of the first differences the
report shows the bytes around them: behind - those that were recorded, behind +
those that arrived.

With --save-failures, exchanges that failed after the request had gone out are
written to a file when the run is over, each on a connection of its own: the
request as it was sent, the first 64 KiB of what came back, and why it failed.
"loadgen show FILE" lists them, Wireshark opens them, and "loadgen replay FILE" sends
the requests again, with asterisks where --redact has blanked a value.`

// volatile are the fields that --verify-head does not look at. The help lists them.
var volatile = []string{"Age", "Connection", "Date", "Expires", "Keep-Alive", "Server-Timing", "Via"}

// verifyFlags say what responses are compared by.
func verifyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "verify", Usage: "compare status and content with the recorded response"},
		&cli.BoolFlag{Name: "verify-head", Usage: "compare the fields and the framing as well"},
		&cli.StringFlag{Name: "save-failures", Usage: "write the exchanges that failed to `FILE`, a recording, as far as " + replay.EvidenceRoom + " has room"},
		&cli.StringSliceFlag{Name: "redact", Usage: "blank the values of Authorization, Cookie, Set-Cookie and Proxy-Authorization, and of the fields `NAME,...`, in what --save-failures saves; standard: of those four alone"},
		&cli.StringSliceFlag{Name: "volatile", Usage: "do not compare the fields `NAME,...` either; may be given several times"},
	}
}

// verify sets what responses are compared by.
func verify(c *cli.Context, config *replay.Config) error {
	config.VerifyHead = c.Bool("verify-head")
	config.Verify = c.Bool("verify") || config.VerifyHead
	named := list(c, "volatile")
	if len(named) > 0 && !config.VerifyHead {
		return program.Usagef("--volatile is about fields, which only --verify-head compares")
	}
	for _, name := range named {
		if !wire.IsToken(name) {
			return program.Usagef("--volatile: %q is no field name", name)
		}
	}
	config.Volatile = slices.Concat(volatile, named)
	return nil
}

// Failures are a recording of exchanges that failed.
type failures struct {
	file   *os.File
	reader *events.Reader
}

// aboutFailures stands at the head of the file.
const aboutFailures = `Exchanges of HTTP/1.1 that loadgen has sent and that failed, each as if it had been alone on its connection. Bytes and times are as they were; the headers below HTTP are made up around them.
interface client: loadgen and the server. interface notes: why each has failed.
tshark -r FILE -Y "http || syslog" -T fields -e frame.time_relative -e frame.interface_name -e _ws.col.Info`

// saveFailures begins the recording that --save-failures asks for; nil: it does not.
func saveFailures(c *cli.Context, config *replay.Config) (*failures, error) {
	path, err := output(c, "save-failures")
	if err != nil {
		return nil, err
	}
	blanked, err := redacted(c)
	switch {
	case err != nil:
		return nil, err
	case path == "" && blanked != nil:
		return nil, program.Usagef("--redact blanks values in what --save-failures saves; add that, or leave it out")
	case path == "":
		return nil, nil
	}
	file, err := create(path)
	if err != nil {
		return nil, fmt.Errorf("--save-failures: %w", err)
	}
	recorder, err := capture.NewRecorder(file, capture.Options{Application: "loadgen", Comment: aboutFailures})
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("--save-failures: %w", err)
	}
	config.Failures = replay.NewFailures(config.Loops)
	config.Failures.Blanked = blanked != nil
	return &failures{file, config.Failures.Read(redact.Sink(recorder, blanked))}, nil
}

// redacted are the fields that --redact names; nil: it does not.
func redacted(c *cli.Context) (*redact.Names, error) {
	if !c.IsSet("redact") {
		return nil, nil
	}
	names, err := redact.Parse(list(c, "redact"))
	if err != nil {
		return nil, program.Usagef("--redact: %v", err)
	}
	return names, nil
}

// output is the file that a flag has something written to beside the report; "": none.
func output(c *cli.Context, flag string) (path string, err error) {
	path = c.String(flag)
	if path == standardInput {
		return "", program.Usagef("--%s names a file, since standard output has the report", flag)
	}
	for _, arg := range c.Args().Slice() {
		if path != "" && sameFile(path, arg) {
			return "", program.Usagef("--%s would overwrite %s, which is to be replayed", flag, nameOf(arg))
		}
	}
	return path, nil
}

// create opens a file that nobody else may read, since it holds what cookies and
// passwords went by. It does not follow a symbolic link, which anybody may have put into
// a folder that all can write to.
func create(path string) (*os.File, error) { return openAlone(path, os.O_TRUNC) }

// openAlone is create; without the flag os.O_TRUNC, what is in the file stays.
func openAlone(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|syscall.O_NOFOLLOW|flag, 0o600)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link, which is not followed; name the file itself", path)
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() {
		err = file.Chmod(0o600) // it may have been there before, for all to read
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func sameFile(a, b string) bool {
	one, errOne := os.Stat(a)
	other, errOther := os.Stat(b)
	return errOne == nil && errOther == nil && os.SameFile(one, other)
}

// end completes the file, and says what is in it. The loops have ended.
func (f *failures) end(result *replay.Result) (note string, err error) {
	if f == nil {
		return "", nil
	}
	if err := errors.Join(f.reader.Close(), f.file.Close()); err != nil {
		return "", fmt.Errorf("the exchanges that failed cannot be saved: %w", err)
	}
	if result.Unsaved > 0 {
		return fmt.Sprintf("of the exchanges that failed, the first %d are saved in %s, and %d more had no room", result.Saved, f.file.Name(), result.Unsaved), nil
	}
	return fmt.Sprintf("%s that failed saved in %s", english.Plural(result.Saved, "exchange"), f.file.Name()), nil
}
