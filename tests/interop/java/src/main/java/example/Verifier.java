package example;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSKeySelector;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import com.nimbusds.oauth2.sdk.GeneralException;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import java.io.IOException;
import java.text.ParseException;
import java.util.Set;

/**
 * Verifies access tokens in a Java service that knows nothing but the issuer's URL.
 *
 * <pre>
 * var verifier = Verifier.discover("https://id.example.com", "https://api.example.com");
 * var claims = verifier.verify(token);
 * </pre>
 */
final class Verifier {
    static final Set<JWSAlgorithm> ALGORITHMS = Set.of(JWSAlgorithm.RS256, JWSAlgorithm.ES256);

    private final JWSKeySelector<SecurityContext> keys;
    private final DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();

    static Verifier discover(String issuer, String audience) throws GeneralException, IOException {
        return new Verifier(OIDCProviderMetadata.resolve(new Issuer(issuer)), audience);
    }

    Verifier(OIDCProviderMetadata issuer, String audience) throws IOException {
        // Keys are cached. A token with an unknown key id makes the source look again, so that a
        // rotation needs nobody's hand; the limit keeps forged key ids from turning into a flood.
        var url = issuer.getJWKSetURI().toURL();
        var jwks = JWKSourceBuilder.create(url).rateLimited(1_000).build();
        keys = new JWSVerificationKeySelector<>(ALGORITHMS, jwks);
        processor.setJWSKeySelector(keys);
        // An id_token tells an app who signed in; it opens no API (RFC 9068 section 4).
        processor.setJWSTypeVerifier(
                new DefaultJOSEObjectTypeVerifier<>(
                        new JOSEObjectType("at+jwt"), new JOSEObjectType("application/at+jwt")));
        processor.setJWTClaimsSetVerifier(
                new DefaultJWTClaimsVerifier<>(
                        audience,
                        new JWTClaimsSet.Builder().issuer(issuer.getIssuer().getValue()).build(),
                        Set.of("sub", "exp")));
    }

    /**
     * The claims of an access token made for us.
     *
     * @throws com.nimbusds.jose.jwk.source.JWKSetUnavailableException if the issuer could not be
     *     asked for its keys (answer 503); every other exception says that the token is not to be
     *     trusted (answer 401)
     */
    JWTClaimsSet verify(String token) throws ParseException, BadJOSEException, JOSEException {
        return processor.process(token, null);
    }

    /** The cached keys, for whoever has other tokens of this issuer to verify. */
    JWSKeySelector<SecurityContext> keys() {
        return keys;
    }
}
