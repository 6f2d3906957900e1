package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
)

// With asks for a good token before the handler.
func (v *Verifier) With(need Requirement, handler func(http.ResponseWriter, *http.Request, *Claims)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, err := v.Verify(r.Header.Get("Authorization"))
		if err == nil {
			err = claims.Require(need)
		}
		var refusal *Refusal
		switch {
		case err == nil:
			handler(w, r, claims)
		case errors.As(err, &refusal):
			refusal.Answer(w)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
}

func main() {
	verifier := NewVerifier(os.Getenv("ISSUER"), os.Getenv("AUDIENCE"))
	me := func(w http.ResponseWriter, _ *http.Request, claims *Claims) {
		fmt.Fprintln(w, claims.Subject)
	}
	need := Requirement{Scope: os.Getenv("SCOPE")}
	if err := http.ListenAndServe(os.Getenv("LISTEN"), verifier.With(need, me)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
