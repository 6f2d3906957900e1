package example;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.util.Base64;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.oauth2.sdk.AuthorizationCodeGrant;
import com.nimbusds.oauth2.sdk.AuthorizationGrant;
import com.nimbusds.oauth2.sdk.AuthorizationResponse;
import com.nimbusds.oauth2.sdk.ErrorObject;
import com.nimbusds.oauth2.sdk.PushedAuthorizationRequest;
import com.nimbusds.oauth2.sdk.PushedAuthorizationResponse;
import com.nimbusds.oauth2.sdk.RefreshTokenGrant;
import com.nimbusds.oauth2.sdk.Request;
import com.nimbusds.oauth2.sdk.ResponseType;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenIntrospectionRequest;
import com.nimbusds.oauth2.sdk.TokenIntrospectionResponse;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.JWTAuthenticationClaimsSet;
import com.nimbusds.oauth2.sdk.auth.PKITLSClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.PrivateKeyJWT;
import com.nimbusds.oauth2.sdk.auth.SelfSignedTLSClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.X509CertificateConfirmation;
import com.nimbusds.oauth2.sdk.dpop.DefaultDPoPProofFactory;
import com.nimbusds.oauth2.sdk.dpop.JWKThumbprintConfirmation;
import com.nimbusds.oauth2.sdk.http.HTTPRequest;
import com.nimbusds.oauth2.sdk.http.HTTPResponse;
import com.nimbusds.oauth2.sdk.id.Audience;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.id.State;
import com.nimbusds.oauth2.sdk.pkce.CodeChallengeMethod;
import com.nimbusds.oauth2.sdk.pkce.CodeVerifier;
import com.nimbusds.oauth2.sdk.token.AccessToken;
import com.nimbusds.oauth2.sdk.token.AccessTokenType;
import com.nimbusds.oauth2.sdk.token.BearerAccessToken;
import com.nimbusds.oauth2.sdk.token.RefreshToken;
import com.nimbusds.oauth2.sdk.util.tls.TLSUtils;
import com.nimbusds.oauth2.sdk.util.tls.TLSVersion;
import com.nimbusds.openid.connect.sdk.AuthenticationRequest;
import com.nimbusds.openid.connect.sdk.Nonce;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponseParser;
import com.nimbusds.openid.connect.sdk.UserInfoRequest;
import com.nimbusds.openid.connect.sdk.UserInfoResponse;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.op.ReadOnlyOIDCProviderEndpointMetadata;
import com.nimbusds.openid.connect.sdk.token.OIDCTokens;
import com.nimbusds.openid.connect.sdk.validators.IDTokenValidator;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.List;
import javax.net.ssl.SSLSocketFactory;

/**
 * A bank that signs people in with the OAuth SDK of Nimbus by FAPI 2.0: its requests are pushed, and
 * it proves who it is by a key (private_key_jwt) or by a certificate (mutual TLS). Its tokens are
 * bound to another key (DPoP), or to the certificate. One command a line on standard input.
 */
public final class Bank {
    private static final JWSAlgorithm ALG = JWSAlgorithm.ES256;

    private final ClientID clientId = new ClientID(System.getenv("CLIENT_ID"));
    private final URI redirectUri = URI.create(System.getenv("REDIRECT_URI"));
    private final String method = System.getenv("METHOD");
    private final OIDCProviderMetadata issuer;
    /** The endpoints that are called: with a certificate they are others. */
    private final ReadOnlyOIDCProviderEndpointMetadata endpoints;
    private final ECKey key = key("bank");
    private final DefaultDPoPProofFactory proofs = new DefaultDPoPProofFactory(key("proof"), ALG);
    /** The certificate, and what shows it in handshakes; without one the tokens are bound by DPoP. */
    private final X509Certificate certificate;
    private final SSLSocketFactory tls;
    private Nonce serverNonce;

    private CodeVerifier verifier;
    private State state;
    private Nonce nonce;
    private OIDCTokens tokens;

    private Bank() throws Exception {
        issuer = OIDCProviderMetadata.resolve(new Issuer(System.getenv("ISSUER")));
        if (System.getenv("CERTIFICATE") == null) {
            certificate = null;
            tls = null;
            endpoints = issuer;
        } else {
            certificate = certificates("CERTIFICATE").get(0);
            tls = showing(certificates("CERTIFICATE"), "KEY");
            endpoints = issuer.getReadOnlyMtlsEndpointAliases();
        }
    }

    private static ECKey key(String id) throws JOSEException {
        return new ECKeyGenerator(Curve.P_256).keyID(id).keyUse(KeyUse.SIGNATURE).generate();
    }

    private static List<X509Certificate> certificates(String variable) throws Exception {
        try (var file = Files.newInputStream(Path.of(System.getenv(variable)))) {
            return CertificateFactory.getInstance("X.509").generateCertificates(file).stream()
                    .map(X509Certificate.class::cast)
                    .toList();
        }
    }

    /** Shows these certificates in handshakes, and trusts the authority of the server alone. */
    private static SSLSocketFactory showing(List<X509Certificate> chain, String variable)
            throws Exception {
        var pem = Files.readString(Path.of(System.getenv(variable)));
        var der = new Base64(pem.replaceAll("-----[A-Z ]+-----", "").replaceAll("\\s", "")).decode();
        var key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der));
        var own = KeyStore.getInstance("PKCS12");
        own.load(null, null);
        own.setKeyEntry("own", key, new char[0], chain.toArray(Certificate[]::new));
        var trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("authority", certificates("AUTHORITY").get(0));
        return TLSUtils.createSSLSocketFactory(trusted, own, new char[0], TLSVersion.TLS_1_3);
    }

    /** The public key to register: of assertions, or of the certificate. */
    private String jwks() throws Exception {
        if (certificate == null) {
            return new JWKSet(key).toString(true);
        }
        var own = (ECPublicKey) certificate.getPublicKey();
        var chain = List.of(Base64.encode(certificate.getEncoded()));
        return new JWKSet(new ECKey.Builder(Curve.P_256, own).x509CertChain(chain).build()).toString(true);
    }

    private ClientAuthentication authentication() throws JOSEException {
        return switch (method) {
            case "tls_client_auth" -> new PKITLSClientAuthentication(clientId, tls);
            case "self_signed_tls_client_auth" ->
                    new SelfSignedTLSClientAuthentication(clientId, tls);
            default -> {
                // FAPI 2.0: the audience is the issuer.
                var audience = new Audience(issuer.getIssuer().getValue());
                var claims = new JWTAuthenticationClaimsSet(clientId, audience);
                yield new PrivateKeyJWT(claims, ALG, key.toECPrivateKey(), key.getKeyID(), null);
            }
        };
    }

    /** Makes a request. It is made anew for each attempt, since an assertion counts once. */
    private interface Maker {
        Request make() throws Exception;
    }

    /** Sends a request with a proof, and once more if the server wants its nonce in the proof. */
    private HTTPResponse send(Maker maker, AccessToken token) throws Exception {
        for (var last = false; ; last = true) {
            var request = maker.make().toHTTPRequest();
            if (tls == null) {
                request.setDPoP(proof(request, token));
            } else {
                request.setSSLSocketFactory(tls);
            }
            var response = request.send();
            var told = response.getDPoPNonce();
            var isNews = told != null && !told.equals(serverNonce);
            serverNonce = told == null ? serverNonce : told;
            if (last || response.indicatesSuccess() || !isNews) {
                return response;
            }
        }
    }

    private SignedJWT proof(HTTPRequest request, AccessToken token) throws JOSEException {
        return proofs.createDPoPJWT(request.getMethod().name(), request.getURI(), token, serverNonce);
    }

    /** Where somebody goes to sign in. */
    private String leave() throws Exception {
        verifier = new CodeVerifier();
        state = new State();
        nonce = new Nonce();
        var scope = new Scope("openid", "profile", "email");
        var asked =
                new AuthenticationRequest.Builder(ResponseType.CODE, scope, clientId, redirectUri)
                        .state(state)
                        .nonce(nonce)
                        .codeChallenge(verifier, CodeChallengeMethod.S256)
                        .build();
        var endpoint = endpoints.getPushedAuthorizationRequestEndpointURI();
        var answer =
                PushedAuthorizationResponse.parse(
                        send(
                                () -> new PushedAuthorizationRequest(endpoint, authentication(), asked),
                                null));
        if (!answer.indicatesSuccess()) {
            throw new Refused(answer.toErrorResponse().getErrorObject());
        }
        var pushed = answer.toSuccessResponse().getRequestURI();
        return new AuthenticationRequest.Builder(pushed, clientId)
                .endpointURI(issuer.getAuthorizationEndpointURI())
                .build()
                .toURI()
                .toString();
    }

    /** Somebody came back; answers who it is. */
    private String back(String url) throws Exception {
        var answer = AuthorizationResponse.parse(URI.create(url));
        if (!state.equals(answer.getState()) || !issuer.getIssuer().equals(answer.getIssuer())) {
            throw new IllegalStateException("an answer to somebody else, or by somebody else");
        }
        if (!answer.indicatesSuccess()) {
            throw new Refused(answer.toErrorResponse().getErrorObject());
        }
        var code = answer.toSuccessResponse().getAuthorizationCode();
        tokens = ask(new AuthorizationCodeGrant(code, redirectUri, verifier));
        var keys = issuer.getJWKSetURI().toURL();
        new IDTokenValidator(issuer.getIssuer(), clientId, ALG, keys)
                .validate(tokens.getIDToken(), nonce);
        return person(tokens.getAccessToken());
    }

    private OIDCTokens ask(AuthorizationGrant grant) throws Exception {
        var endpoint = endpoints.getTokenEndpointURI();
        var sent =
                send(
                        () -> new TokenRequest.Builder(endpoint, authentication(), grant).build(),
                        null);
        var answer = OIDCTokenResponseParser.parse(sent);
        if (!answer.indicatesSuccess()) {
            throw new Refused(answer.toErrorResponse().getErrorObject());
        }
        var made = (OIDCTokens) answer.toSuccessResponse().getTokens();
        check(made.getAccessToken());
        return made;
    }

    /** The token says what it is bound to, and so does introspection. */
    private void check(AccessToken token) throws Exception {
        var claims = SignedJWT.parse(token.getValue()).getJWTClaimsSet();
        var endpoint = endpoints.getIntrospectionEndpointURI();
        var answer =
                TokenIntrospectionResponse.parse(
                        send(
                                () -> new TokenIntrospectionRequest(endpoint, authentication(), token),
                                null));
        if (!answer.indicatesSuccess()) {
            throw new Refused(answer.toErrorResponse().getErrorObject());
        }
        var seen = answer.toSuccessResponse();
        var isBound =
                certificate == null
                        ? bound(
                                AccessTokenType.DPOP.equals(token.getType()),
                                JWKThumbprintConfirmation.of(proofs.getPublicJWK()),
                                JWKThumbprintConfirmation.parse(claims),
                                seen.getJWKThumbprintConfirmation())
                        : bound(
                                AccessTokenType.BEARER.equals(token.getType()),
                                X509CertificateConfirmation.of(certificate),
                                X509CertificateConfirmation.parse(claims),
                                seen.getX509CertificateConfirmation());
        if (!isBound || !seen.isActive()) {
            throw new IllegalStateException("not bound: " + claims + " " + seen.toJSONObject());
        }
    }

    private static boolean bound(boolean hasType, Object own, Object inToken, Object seen) {
        return hasType && own.equals(inToken) && own.equals(seen);
    }

    private String person(AccessToken token) throws Exception {
        var endpoint = endpoints.getUserInfoEndpointURI();
        return read(send(() -> new UserInfoRequest(endpoint, token), token));
    }

    private static String read(HTTPResponse sent) throws Exception {
        var answer = UserInfoResponse.parse(sent);
        if (!answer.indicatesSuccess()) {
            // A refusal has a challenge for each scheme, of which the SDK reads one. The body has the error.
            throw new Refused(ErrorObject.parse(sent));
        }
        return answer.toSuccessResponse().getUserInfo().getPreferredUsername();
    }

    private String refresh() throws Exception {
        var before = tokens;
        var made = ask(new RefreshTokenGrant(before.getRefreshToken()));
        if (made.getAccessToken().getValue().equals(before.getAccessToken().getValue())) {
            throw new IllegalStateException("the same access token");
        }
        RefreshToken next = made.getRefreshToken();
        tokens = new OIDCTokens(made.getAccessToken(), next == null ? before.getRefreshToken() : next);
        return person(tokens.getAccessToken());
    }

    /** Somebody who found the access token shows it without what it is bound to. */
    private String stolen() throws Exception {
        var found = new BearerAccessToken(tokens.getAccessToken().getValue());
        return read(new UserInfoRequest(issuer.getUserInfoEndpointURI(), found).toHTTPRequest().send());
    }

    /** A server said no. */
    private static final class Refused extends Exception {
        private static final long serialVersionUID = 1;

        Refused(ErrorObject why) {
            super(why.getCode() + " " + why.getDescription());
        }
    }

    private String answer(String command, String argument) {
        try {
            return switch (command) {
                case "jwks" -> "ok " + jwks();
                case "leave" -> "ok " + leave();
                case "back" -> "ok " + back(argument);
                case "refresh" -> "ok " + refresh();
                case "stolen" -> "ok " + stolen();
                default -> "error unknown command " + command;
            };
        } catch (Refused refused) {
            return "refused " + refused.getMessage();
        } catch (Exception unexpected) {
            return "error " + unexpected;
        }
    }

    private static void say(String line) {
        System.out.println(line.replaceAll("\\s+", " ").trim());
    }

    public static void main(String[] arguments) throws Exception {
        var bank = new Bank();
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            var words = line.trim().split(" ", 2);
            if (words[0].equals("quit")) {
                break;
            }
            say(bank.answer(words[0], words.length > 1 ? words[1] : ""));
        }
        System.exit(0);
    }
}
