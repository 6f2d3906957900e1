// An app and an API in one: gets tokens and verifies them, one command a line on standard input.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// errRefused marks what a resource server answers with 401.
var errRefused = errors.New("refused")

type program struct {
	ctx      context.Context
	verifier *Verifier
	idTokens *oidc.IDTokenVerifier
	machine  clientcredentials.Config
	person   oauth2.Config
}

func arrive(ctx context.Context) (*program, error) {
	ctx = oidc.ClientContext(ctx, &http.Client{Timeout: 10 * time.Second})
	provider, err := oidc.NewProvider(ctx, os.Getenv("ISSUER"))
	if err != nil {
		return nil, err
	}
	id, secret := os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET")
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	return &program{
		ctx:      ctx,
		verifier: NewVerifier(provider, os.Getenv("AUDIENCE")),
		idTokens: provider.Verifier(&oidc.Config{
			ClientID:             id,
			SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256},
		}),
		machine: clientcredentials.Config{
			ClientID: id, ClientSecret: secret, Scopes: strings.Fields(os.Getenv("SCOPE")),
			TokenURL: endpoint.TokenURL, AuthStyle: endpoint.AuthStyle,
		},
		person: oauth2.Config{
			ClientID: id, ClientSecret: secret, Scopes: []string{oidc.ScopeOpenID}, Endpoint: endpoint,
		},
	}, nil
}

// token gets tokens for ourselves and for a person, verifies both and answers the key that signed.
func (s *program) token() (string, error) {
	machine, err := s.machine.Token(s.ctx)
	if err != nil {
		return "", err
	}
	username, password := os.Getenv("USERNAME"), os.Getenv("PASSWORD")
	person, err := s.person.PasswordCredentialsToken(s.ctx, username, password)
	if err != nil {
		return "", err
	}
	if _, err := s.verify(machine.AccessToken); err != nil {
		return "", err
	}
	subject, err := s.verify(person.AccessToken)
	if err != nil {
		return "", err
	}
	if err := s.checkIdentity(person, subject); err != nil {
		return "", err
	}
	header, err := headerOf(person.AccessToken)
	return header.KeyID, err
}

func (s *program) verify(raw string) (string, error) {
	token, err := s.verifier.Verify(s.ctx, raw)
	if err != nil {
		return "", fmt.Errorf("%w %w", errRefused, err)
	}
	return token.Subject, nil
}

// checkIdentity holds the id_token against the access token that came with it.
func (s *program) checkIdentity(person *oauth2.Token, subject string) error {
	raw, _ := person.Extra("id_token").(string)
	identity, err := s.idTokens.Verify(s.ctx, raw)
	if err != nil {
		return fmt.Errorf("%w %w", errRefused, err)
	}
	if identity.Subject != subject {
		return errors.New("the id_token is about somebody else")
	}
	return identity.VerifyAccessToken(person.AccessToken)
}

func (s *program) answer(command, argument string) string {
	var text string
	var err error
	switch command {
	case "token":
		text, err = s.token()
	case "verify":
		text, err = s.verify(argument)
	default:
		err = fmt.Errorf("unknown command %s", command)
	}
	switch {
	case errors.Is(err, errRefused):
		return err.Error()
	case err != nil:
		return "error " + err.Error()
	default:
		return "ok " + text
	}
}

func say(line string) {
	fmt.Println(strings.Join(strings.Fields(line), " "))
}

func main() {
	program, err := arrive(context.Background())
	if err != nil {
		say("error " + err.Error())
		os.Exit(1)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		command, argument, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if command == "quit" {
			return
		}
		say(program.answer(command, argument))
	}
}
