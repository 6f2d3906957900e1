package example;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** An API that tells whoever has a good token who they are. */
@SpringBootApplication
@RestController
public class Api {

  public static void main(String[] arguments) {
    String[] listen = System.getenv().getOrDefault("LISTEN", "127.0.0.1:9000").split(":");
    System.setProperty("server.address", listen[0]);
    System.setProperty("server.port", listen[1]);
    SpringApplication.run(Api.class, arguments);
  }

  @Bean
  SecurityFilterChain guarded(HttpSecurity http, @Value("${scope}") String scope) throws Exception {
    return http.authorizeHttpRequests(
            every -> {
              if (scope.isEmpty()) {
                every.anyRequest().authenticated();
              } else {
                every.anyRequest().hasAuthority("SCOPE_" + scope);
              }
            })
        .oauth2ResourceServer(server -> server.jwt(Customizer.withDefaults()))
        .build();
  }

  @GetMapping("/")
  String me(@AuthenticationPrincipal Jwt token) {
    return token.getSubject();
  }
}
