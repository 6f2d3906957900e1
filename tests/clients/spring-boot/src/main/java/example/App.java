package example;

import java.security.Principal;
import java.util.Map;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.context.annotation.Bean;
import org.springframework.core.annotation.Order;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.oauth2.jwt.JwtAudienceValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtIssuerValidator;
import org.springframework.security.oauth2.jwt.JwtTypeValidator;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** An app that signs people in, and an API that takes access tokens: by JWT, or by introspection. */
@SpringBootApplication
@RestController
public class App {

  public static void main(String[] arguments) {
    SpringApplication.run(App.class, arguments);
  }

  /** Access tokens of RFC 9068: Spring's own decoder refuses their type, `at+jwt`. */
  @Bean
  @ConditionalOnProperty(name = "decoder", havingValue = "rfc9068")
  JwtDecoder jwtDecoder(@Value("${issuer}") String issuer, @Value("${audience}") String audience) {
    NimbusJwtDecoder decoder =
        NimbusJwtDecoder.withIssuerLocation(issuer).validateType(false).build();
    decoder.setJwtValidator(
        JwtValidators.createDefaultWithValidators(
            new JwtTypeValidator("at+jwt"),
            new JwtIssuerValidator(issuer),
            new JwtAudienceValidator(audience)));
    return decoder;
  }

  @Bean
  @Order(1)
  SecurityFilterChain api(HttpSecurity http) throws Exception {
    return http.securityMatcher("/api/**")
        .authorizeHttpRequests(every -> every.anyRequest().authenticated())
        .oauth2ResourceServer(server -> server.jwt(Customizer.withDefaults()))
        .build();
  }

  @Bean
  @Order(2)
  SecurityFilterChain introspecting(HttpSecurity http) throws Exception {
    return http.securityMatcher("/opaque/**")
        .authorizeHttpRequests(every -> every.anyRequest().authenticated())
        .oauth2ResourceServer(server -> server.opaqueToken(Customizer.withDefaults()))
        .build();
  }

  @Bean
  @Order(3)
  SecurityFilterChain signIn(HttpSecurity http) throws Exception {
    return http.authorizeHttpRequests(every -> every.anyRequest().authenticated())
        .oauth2Login(Customizer.withDefaults())
        .build();
  }

  @GetMapping({"/api/me", "/opaque/me"})
  Map<String, String> api(Principal caller) {
    return Map.of("name", caller.getName());
  }

  @GetMapping("/me")
  ResponseEntity<Map<String, String>> me(@AuthenticationPrincipal OidcUser person) {
    // JSON for a browser too, which asks for HTML.
    return ResponseEntity.ok()
        .contentType(MediaType.APPLICATION_JSON)
        .body(Map.of("name", person.getPreferredUsername(), "email", person.getEmail()));
  }
}
