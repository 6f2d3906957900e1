// Package main is an API that tells whoever has a good token who they are. Copy this file into your
// service; it needs go-jose alone.
package main

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	skew     = 10 * time.Second // that two clocks may differ
	coolDown = 5 * time.Second  // between two fetches of the keys
	longest  = 8 << 20          // bytes of a document
)

var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256}

// Refusal says why a request is refused, and what to answer.
type Refusal struct {
	Status    int
	Challenge string
}

func (r *Refusal) Error() string { return r.Challenge }

// Answer writes the refusal.
func (r *Refusal) Answer(w http.ResponseWriter) {
	if r.Challenge != "" {
		w.Header().Set("WWW-Authenticate", r.Challenge)
	} else {
		w.Header().Set("Retry-After", "5")
	}
	w.WriteHeader(r.Status)
}

func invalid(why string) error {
	return &Refusal{401, fmt.Sprintf(`Bearer error="invalid_token", error_description="%s"`, why)}
}

var unavailable error = &Refusal{Status: 503}

// Claims are those of RFC 9068 that a service needs.
type Claims struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience audience        `json:"aud"`
	Expiry   *float64        `json:"exp"`
	Before   float64         `json:"nbf"`
	ClientID string          `json:"client_id"`
	Scope    string          `json:"scope"`
	AuthTime float64         `json:"auth_time"`
	ACR      string          `json:"acr"`
	Bound    json.RawMessage `json:"cnf"`
	Status   *struct {
		List *struct {
			Index int    `json:"idx"`
			URI   string `json:"uri"`
		} `json:"status_list"`
	} `json:"status"`
}

type audience []string

func (a *audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// Verifier verifies the access tokens of an issuer that are meant for an audience.
type Verifier struct {
	issuer, audience string
	http             http.Client

	mutex   sync.RWMutex
	keys    jose.JSONWebKeySet
	fetched time.Time

	statusMutex sync.Mutex
	lists       map[string]list
}

type list struct {
	bits            int
	packed          []byte
	issued          int64
	expiry, refresh time.Time
}

// joined answers this list together with one that was fetched after it and says that it was made before
// it: by a replica whose clock is behind, so that it may know more, or it is an old copy, which knows
// less. What either of them refuses stays refused.
func (known list) joined(fetched list) (list, error) {
	if known.bits != fetched.bits {
		return list{}, unavailable
	}
	packed := make([]byte, max(len(known.packed), len(fetched.packed)))
	copy(packed, known.packed)
	for at, other := range fetched.packed {
		packed[at] |= other
	}
	expiry := known.expiry
	if fetched.expiry.After(expiry) {
		expiry = fetched.expiry
	}
	return list{known.bits, packed, known.issued, expiry, fetched.refresh}, nil
}

// NewVerifier makes a verifier. Nothing is fetched before the first token.
func NewVerifier(issuer, audience string) *Verifier {
	return &Verifier{
		issuer: issuer, audience: audience,
		http: http.Client{Timeout: 5 * time.Second}, lists: map[string]list{},
	}
}

// Verify answers the claims of the token in this Authorization header.
func (v *Verifier) Verify(authorization string) (*Claims, error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "bearer") || strings.TrimSpace(token) == "" {
		// RFC 6750 section 3: whoever sent no token is told no error.
		return nil, &Refusal{401, "Bearer"}
	}
	// An id token tells an app who signed in; it opens no API (RFC 9068 section 4).
	payload, err := v.signed(strings.TrimSpace(token), "at+jwt")
	if err != nil {
		return nil, err
	}
	var claims Claims
	if json.Unmarshal(payload, &claims) != nil || claims.Subject == "" || claims.Expiry == nil {
		return nil, invalid("the token is malformed")
	}
	now := float64(time.Now().Unix())
	switch {
	case claims.Issuer != v.issuer:
		return nil, invalid("the token is of another issuer")
	case !slices.Contains(claims.Audience, v.audience):
		return nil, invalid("the token is for another audience")
	case *claims.Expiry+skew.Seconds() <= now:
		return nil, invalid("the token has expired")
	case claims.Before > now+skew.Seconds():
		return nil, invalid("the token is not valid yet")
	// A token that is bound to a key (RFC 9449, RFC 8705) is none without the proof, which this file
	// does not verify.
	case len(claims.Bound) > 0:
		return nil, invalid("the token is bound to a key")
	}
	if claims.Status != nil {
		if err := v.isAlive(&claims); err != nil {
			return nil, err
		}
	}
	return &claims, nil
}

// Requirement is what a call asks for besides a good token.
type Requirement struct {
	Scope  string
	ACR    []string
	MaxAge time.Duration // zero: any age
}

// Require says whether the token is enough (RFC 6750 section 3.1, RFC 9470 section 3).
func (c *Claims) Require(need Requirement) error {
	has := strings.Split(c.Scope, " ")
	lacks := &Refusal{403, fmt.Sprintf(`Bearer error="insufficient_scope", scope="%s"`, need.Scope)}
	for _, scope := range strings.Fields(need.Scope) {
		if !slices.Contains(has, scope) {
			return lacks
		}
	}
	age := time.Since(time.Unix(int64(c.AuthTime), 0))
	if (need.MaxAge == 0 || age <= need.MaxAge+skew) && (len(need.ACR) == 0 || slices.Contains(need.ACR, c.ACR)) {
		return nil
	}
	// No sign-in would help a client that acts for itself.
	if c.Subject == c.ClientID {
		return lacks
	}
	challenge := `Bearer error="insufficient_user_authentication"`
	if len(need.ACR) > 0 {
		challenge += fmt.Sprintf(`, acr_values="%s"`, strings.Join(need.ACR, " "))
	}
	if need.MaxAge > 0 {
		challenge += fmt.Sprintf(`, max_age="%.0f"`, need.MaxAge.Seconds())
	}
	return &Refusal{401, challenge}
}

// signed answers the payload of a JWT of this type that a key of the issuer signed.
func (v *Verifier) signed(token, typ string) ([]byte, error) {
	parsed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, invalid("the token is malformed, or signed by another algorithm")
	}
	header := parsed.Signatures[0].Protected
	given, _ := header.ExtraHeaders[jose.HeaderType].(string)
	if strings.TrimPrefix(strings.ToLower(given), "application/") != typ {
		return nil, invalid("the token is of another type")
	}
	if _, critical := header.ExtraHeaders["crit"]; critical {
		return nil, invalid("the token has a critical extension")
	}
	keys, err := v.keysOf(header.KeyID)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if key.Algorithm == header.Algorithm {
			if payload, err := parsed.Verify(key); err == nil {
				return payload, nil
			}
		}
	}
	return nil, invalid("the signature of the token is wrong")
}

// keysOf answers the keys of this name. They are cached; an unknown name makes the verifier look
// again, so a rotation needs nobody's hand, and the cool-down keeps forged names from turning into a
// flood.
func (v *Verifier) keysOf(kid string) ([]jose.JSONWebKey, error) {
	v.mutex.RLock()
	keys, age := v.keys.Key(kid), time.Since(v.fetched)
	v.mutex.RUnlock()
	if kid != "" && (len(keys) > 0 && age < time.Hour || age < coolDown) {
		return keys, nil
	}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if time.Since(v.fetched) >= coolDown {
		if fresh, err := v.fetchKeys(); err == nil {
			v.keys, v.fetched = fresh, time.Now()
		} else if len(keys) == 0 {
			return nil, unavailable
		}
	}
	return v.keys.Key(kid), nil
}

func (v *Verifier) fetchKeys() (keys jose.JSONWebKeySet, err error) {
	var metadata struct {
		Issuer string `json:"issuer"`
		URI    string `json:"jwks_uri"`
	}
	url := strings.TrimSuffix(v.issuer, "/") + "/.well-known/openid-configuration"
	text, err := v.fetch(url)
	if err != nil || json.Unmarshal(text, &metadata) != nil || metadata.Issuer != v.issuer {
		return keys, unavailable
	}
	if text, err = v.fetch(metadata.URI); err != nil {
		return keys, err
	}
	return keys, json.Unmarshal(text, &keys)
}

// isAlive looks at the status list: only 0 is valid (Token Status List section 8.3).
func (v *Verifier) isAlive(claims *Claims) error {
	unknown := invalid("the status of the token is not known")
	reference := claims.Status.List
	if reference == nil {
		return unknown
	}
	v.statusMutex.Lock()
	defer v.statusMutex.Unlock()
	known := v.lists[reference.URI]
	if time.Now().After(known.refresh) {
		fresh, err := v.fetchList(reference.URI, known)
		if err == nil {
			known = fresh
			v.lists[reference.URI] = fresh
		} else if !errors.Is(err, unavailable) || !time.Now().Before(known.expiry) {
			// A list that cannot be had again is used until it expires.
			return err
		}
	}
	at := reference.Index * known.bits
	if reference.Index < 0 || at/8 >= len(known.packed) {
		return unknown
	}
	if known.packed[at/8]>>(at%8)&(1<<known.bits-1) != 0 {
		return invalid("the token was revoked")
	}
	return nil
}

func (v *Verifier) fetchList(uri string, known list) (list, error) {
	// What is revoked after this moment may be missing in the answer, however long it takes.
	asked := time.Now()
	text, err := v.fetch(uri)
	if err != nil {
		return list{}, err
	}
	payload, err := v.signed(strings.TrimSpace(string(text)), "statuslist+jwt")
	if err != nil {
		// Its key may be so new that it is not known yet: that says nothing of the token.
		return list{}, unavailable
	}
	var claims struct {
		Subject string `json:"sub"`
		Issued  int64  `json:"iat"`
		Expiry  int64  `json:"exp"`
		TTL     int64  `json:"ttl"`
		List    struct {
			Bits int    `json:"bits"`
			List string `json:"lst"`
		} `json:"status_list"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Subject != uri || claims.Expiry <= time.Now().Unix() {
		return list{}, invalid("the status of the token is not known")
	}
	packed, err := base64.RawURLEncoding.DecodeString(claims.List.List)
	if err != nil {
		return list{}, unavailable
	}
	reader, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return list{}, unavailable
	}
	unpacked, err := io.ReadAll(io.LimitReader(reader, longest))
	if err != nil {
		return list{}, unavailable
	}
	refresh := asked.Add(time.Duration(claims.TTL) * time.Second)
	fetched := list{claims.List.Bits, unpacked, claims.Issued, time.Unix(claims.Expiry, 0), refresh}
	if known.issued > fetched.issued {
		return known.joined(fetched)
	}
	return fetched, nil
}

func (v *Verifier) fetch(url string) ([]byte, error) {
	answer, err := v.http.Get(url)
	if err != nil {
		return nil, unavailable
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case 200:
		return io.ReadAll(io.LimitReader(answer.Body, longest))
	case 404:
		return nil, invalid("the status of the token is not known")
	default:
		return nil, unavailable
	}
}
