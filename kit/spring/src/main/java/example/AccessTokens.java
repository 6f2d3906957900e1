package example;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.oauth2.core.DelegatingOAuth2TokenValidator;
import org.springframework.security.oauth2.core.OAuth2Error;
import org.springframework.security.oauth2.core.OAuth2TokenValidator;
import org.springframework.security.oauth2.core.OAuth2TokenValidatorResult;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtAudienceValidator;
import org.springframework.security.oauth2.jwt.JwtClaimNames;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtIssuerValidator;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.JwtTypeValidator;
import org.springframework.security.oauth2.jwt.MappedJwtClaimSetConverter;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.oauth2.jwt.SupplierJwtDecoder;
import org.springframework.web.client.HttpClientErrorException;
import org.springframework.web.client.RestClient;

/** The decoder of access tokens of mapae. Copy this class; it needs the resource-server starter. */
@Configuration
class AccessTokens {

  private static final Duration SKEW = Duration.ofSeconds(10);
  private static final int LONGEST_LIST = 8 << 20;

  private final Map<String, StatusList> lists = new ConcurrentHashMap<>();
  private final RestClient http = RestClient.create();

  private record StatusList(
      int bits, byte[] packed, Instant issued, Instant expires, Instant refresh) {

    /**
     * This list together with one that was fetched after it and says that it was made before it: by a
     * replica whose clock is behind, so that it may know more, or it is an old copy, which knows less.
     * What either of them refuses stays refused.
     */
    StatusList joined(StatusList fetched) {
      if (bits != fetched.bits) {
        throw new IllegalStateException("a list that cannot be compared");
      }
      byte[] both = Arrays.copyOf(packed, Math.max(packed.length, fetched.packed.length));
      for (int at = 0; at < fetched.packed.length; at++) {
        both[at] |= fetched.packed[at];
      }
      Instant later = expires.isAfter(fetched.expires) ? expires : fetched.expires;
      return new StatusList(bits, both, issued, later, fetched.refresh);
    }
  }

  /** Nothing is fetched before the first token, so this starts while the issuer is down. */
  @Bean
  JwtDecoder jwtDecoder(@Value("${issuer}") String issuer, @Value("${audience}") String audience) {
    return new SupplierJwtDecoder(
        () -> {
          NimbusJwtDecoder ofLists = decoder(issuer);
          ofLists.setJwtValidator(
              new DelegatingOAuth2TokenValidator<>(
                  new JwtTypeValidator("statuslist+jwt"), new JwtTimestampValidator(SKEW)));
          NimbusJwtDecoder ofTokens = decoder(issuer);
          ofTokens.setJwtValidator(
              new DelegatingOAuth2TokenValidator<>(
                  // An id token tells an app who signed in; it opens no API (RFC 9068 section 4).
                  new JwtTypeValidator("at+jwt"),
                  new JwtTimestampValidator(SKEW),
                  new JwtIssuerValidator(issuer),
                  new JwtAudienceValidator(audience),
                  new JwtClaimValidator<>(JwtClaimNames.EXP, exp -> exp != null),
                  new JwtClaimValidator<String>(JwtClaimNames.SUB, sub -> sub != null),
                  // A token that is bound to a key is none without the proof (RFC 9449, RFC 8705),
                  // which this class does not verify.
                  new JwtClaimValidator<>("cnf", cnf -> cnf == null),
                  status(ofLists)));
          return ofTokens;
        });
  }

  private static NimbusJwtDecoder decoder(String issuer) {
    NimbusJwtDecoder decoder =
        NimbusJwtDecoder.withIssuerLocation(issuer)
            .jwsAlgorithms(
                all -> {
                  all.clear();
                  all.add(SignatureAlgorithm.RS256);
                  all.add(SignatureAlgorithm.ES256);
                })
            .validateType(false)
            .build();
    // Spring makes a URL of the issuer, which forgives capitals: it is compared byte for byte.
    decoder.setClaimSetConverter(
        MappedJwtClaimSetConverter.withDefaults(Map.of(JwtClaimNames.ISS, iss -> iss)));
    return decoder;
  }

  /** Token Status List section 8.3: only 0 is valid. */
  private OAuth2TokenValidator<Jwt> status(JwtDecoder ofLists) {
    return token -> {
      Map<String, Object> status = token.getClaimAsMap("status");
      if (status == null) {
        return OAuth2TokenValidatorResult.success();
      }
      try {
        Map<?, ?> reference = (Map<?, ?>) status.get("status_list");
        StatusList list = list((String) reference.get("uri"), ofLists);
        long at = ((Number) reference.get("idx")).longValue() * list.bits();
        int bits = list.packed()[Math.toIntExact(at / 8)] >> (at % 8) & (1 << list.bits()) - 1;
        return bits == 0 ? OAuth2TokenValidatorResult.success() : refused("it was revoked");
      } catch (RuntimeException unknown) {
        return refused("its status is not known");
      }
    };
  }

  private static OAuth2TokenValidatorResult refused(String why) {
    return OAuth2TokenValidatorResult.failure(new OAuth2Error("invalid_token", why, null));
  }

  private StatusList list(String uri, JwtDecoder ofLists) {
    StatusList known = lists.get(uri);
    if (known != null && Instant.now().isBefore(known.refresh())) {
      return known;
    }
    try {
      return lists.compute(uri, (key, old) -> old != known ? old : fetched(uri, ofLists, old));
    } catch (HttpClientErrorException.NotFound gone) {
      // One that the issuer does not have any more says nothing good.
      throw gone;
    } catch (RuntimeException unreachable) {
      // A list that cannot be had again is used until it expires.
      if (known != null && Instant.now().isBefore(known.expires())) {
        return known;
      }
      throw unreachable;
    }
  }

  private StatusList fetched(String uri, JwtDecoder ofLists, StatusList known) {
    // What is revoked after this moment may be missing in the answer, however long it takes.
    Instant asked = Instant.now();
    Jwt claims = ofLists.decode(http.get().uri(uri).retrieve().body(String.class).strip());
    if (!uri.equals(claims.getSubject()) || claims.getExpiresAt() == null) {
      throw new IllegalStateException("another list");
    }
    Map<String, Object> list = claims.getClaimAsMap("status_list");
    byte[] packed = unpacked(Base64.getUrlDecoder().decode((String) list.get("lst")));
    Number ttl = claims.hasClaim("ttl") ? claims.<Number>getClaim("ttl") : 60;
    Instant refresh = asked.plusSeconds(ttl.longValue());
    int bits = ((Number) list.get("bits")).intValue();
    Instant issued = claims.getIssuedAt();
    StatusList fetched = new StatusList(bits, packed, issued, claims.getExpiresAt(), refresh);
    return known != null && known.issued().isAfter(issued) ? known.joined(fetched) : fetched;
  }

  private static byte[] unpacked(byte[] packed) {
    Inflater inflater = new Inflater();
    inflater.setInput(packed);
    byte[] bytes = new byte[LONGEST_LIST];
    try {
      return Arrays.copyOf(bytes, inflater.inflate(bytes));
    } catch (DataFormatException broken) {
      throw new IllegalStateException(broken);
    } finally {
      inflater.end();
    }
  }
}
