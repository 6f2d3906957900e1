package main

import (
	"context"
	"errors"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// Verifier verifies access tokens in a Go service that knows nothing but the issuer's URL:
//
//	provider, err := oidc.NewProvider(ctx, "https://id.example.com")
//	verifier := NewVerifier(provider, "https://api.example.com")
//	token, err := verifier.Verify(ctx, raw)
type Verifier struct {
	tokens *oidc.IDTokenVerifier
}

// NewVerifier makes the verifier of one audience. The provider caches its keys; a signature that
// none of them explains makes it look again, so a rotation needs nobody's hand.
func NewVerifier(provider *oidc.Provider, audience string) *Verifier {
	return &Verifier{provider.Verifier(&oidc.Config{
		ClientID:             audience,
		SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256},
	})}
}

// Verify answers an access token made for us: signature, issuer, audience, expiry and type hold.
// What else it carries is read with token.Claims(&yours).
func (v *Verifier) Verify(ctx context.Context, raw string) (*oidc.IDToken, error) {
	token, err := v.tokens.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if token.Subject == "" {
		return nil, errors.New("no subject")
	}
	// An id_token tells an app who signed in; it opens no API (RFC 9068 section 4).
	if header, err := headerOf(raw); err != nil || !isAccessToken(header) {
		return nil, errors.New("not an access token")
	}
	return token, nil
}

func isAccessToken(header jose.Header) bool {
	kind, _ := header.ExtraHeaders[jose.HeaderType].(string)
	return strings.TrimPrefix(strings.ToLower(kind), "application/") == "at+jwt"
}

// headerOf reads the header of a token. It is worth nothing before the signature is verified.
func headerOf(raw string) (jose.Header, error) {
	token, err := jose.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		return jose.Header{}, err
	}
	return token.Signatures[0].Header, nil
}
