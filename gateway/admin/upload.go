package admin

import (
	"errors"
	"io"
	"net/http"
)

// uploadedForm reads a form with one file field, "file", and a few short ones;
// the body is bounded already. Without a file there is none, and no error.
func uploadedForm(r *http.Request) (fields map[string]string, file []byte, err error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, nil, errBadRequest
	}
	fields = map[string]string{}
	for range 8 {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return fields, file, nil
		}
		if err != nil {
			return nil, nil, uploadError(err)
		}
		if part.FormName() == "file" {
			if file, err = io.ReadAll(part); err != nil {
				return nil, nil, uploadError(err)
			}
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, 1<<10))
		if err != nil {
			return nil, nil, uploadError(err)
		}
		fields[part.FormName()] = string(value)
	}
	return nil, nil, errBadRequest
}

func uploadError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return errTooLarge
	}
	return errBadRequest
}
