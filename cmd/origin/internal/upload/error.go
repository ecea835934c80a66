package upload

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
)

// An Error is why content is not taken.
type Error struct {
	// Status is the status code to answer with.
	Status int
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

func refuse(status int, format string, args ...any) error {
	return &Error{status, fmt.Errorf(format, args...)}
}

// What a reader of content finds out.
var (
	ErrTooLarge = refuse(413, "the content is larger than --max-body")
	ErrForm     = refuse(400, "the content is not the form that its type says")
	ErrMany     = refuse(413, "the form has more or longer fields or parts than are taken")
)

var (
	errName   = refuse(403, "the name is hidden, too long, or has characters that no name should have")
	errTaken  = refuse(409, "there is a file of that name")
	errFolder = refuse(409, "there is no such folder")
)

// full is what the kernel says where there is no room: on the disk, in a quota, in
// what a file may have.
var full = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

// failure is the Error for one of the file system.
func failure(err error) error {
	errno := syscall.Errno(0)
	switch isErrno := errors.As(err, &errno); {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return errTaken
	case errors.Is(err, fs.ErrNotExist), errno == syscall.ENOTDIR:
		return errFolder
	case errno == syscall.ENAMETOOLONG:
		return errName
	case slices.Contains(full, errno):
		return &Error{507, err}
	case errno == syscall.EMFILE, errno == syscall.ENFILE:
		return &Error{503, err}
	case errors.Is(err, fs.ErrPermission), !isErrno && errors.As(err, new(*fs.PathError)):
		// The latter is what os.Root says of a link that leads outside.
		return &Error{403, err}
	}
	return &Error{500, err}
}
