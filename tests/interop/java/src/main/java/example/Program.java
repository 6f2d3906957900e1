package example;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.jwk.source.JWKSetUnavailableException;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.oauth2.sdk.AuthorizationGrant;
import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.GeneralException;
import com.nimbusds.oauth2.sdk.ResourceOwnerPasswordCredentialsGrant;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponseParser;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.token.OIDCTokens;
import com.nimbusds.openid.connect.sdk.validators.IDTokenValidator;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.text.ParseException;

/** An app and an API in one: gets tokens, verifies them, one command a line on standard input. */
public final class Program {
    private final OIDCProviderMetadata issuer;
    private final Verifier verifier;
    private final ClientID clientId = new ClientID(System.getenv("CLIENT_ID"));
    private final Secret clientSecret = new Secret(System.getenv("CLIENT_SECRET"));

    private Program() throws GeneralException, IOException {
        issuer = OIDCProviderMetadata.resolve(new Issuer(System.getenv("ISSUER")));
        verifier = new Verifier(issuer, System.getenv("AUDIENCE"));
    }

    /** Tokens for ourselves and for a person, both verified; answers the key that signed. */
    private String token() throws Exception {
        var machine = ask(new ClientCredentialsGrant(), Scope.parse(System.getenv("SCOPE")));
        var person =
                ask(
                        new ResourceOwnerPasswordCredentialsGrant(
                                System.getenv("USERNAME"), new Secret(System.getenv("PASSWORD"))),
                        new Scope("openid"));
        verify(machine.getAccessToken().getValue());
        var subject = verify(person.getAccessToken().getValue());
        if (!whoSignedIn(person).equals(subject)) {
            throw new IllegalStateException("the id_token is about somebody else");
        }
        return SignedJWT.parse(person.getAccessToken().getValue()).getHeader().getKeyID();
    }

    private String verify(String token) throws ParseException, BadJOSEException, JOSEException {
        return verifier.verify(token).getSubject();
    }

    private OIDCTokens ask(AuthorizationGrant grant, Scope scope) throws Exception {
        var authentication = new ClientSecretBasic(clientId, clientSecret);
        var request = new TokenRequest(issuer.getTokenEndpointURI(), authentication, grant, scope);
        var response = OIDCTokenResponseParser.parse(request.toHTTPRequest().send());
        if (!response.indicatesSuccess()) {
            var refusal = response.toErrorResponse().getErrorObject();
            throw new IllegalStateException(grant.getType() + ": " + refusal);
        }
        return (OIDCTokens) response.toSuccessResponse().getTokens();
    }

    /** An id_token is made for the app itself: its audience is our client id. */
    private String whoSignedIn(OIDCTokens tokens) throws BadJOSEException, JOSEException {
        var validator = new IDTokenValidator(issuer.getIssuer(), clientId, verifier.keys(), null);
        return validator.validate(tokens.getIDToken(), null).getSubject().getValue();
    }

    private String answer(String command, String argument) {
        try {
            return switch (command) {
                case "token" -> "ok " + token();
                case "verify" -> "ok " + verify(argument);
                default -> "error unknown command " + command;
            };
        } catch (JWKSetUnavailableException unreachable) {
            return "error " + unreachable.getMessage();
        } catch (BadJOSEException | JOSEException | ParseException untrusted) {
            return "refused " + untrusted.getMessage();
        } catch (Exception unexpected) {
            return "error " + unexpected;
        }
    }

    private static void say(String line) {
        System.out.println(line.replaceAll("\\s+", " ").trim());
    }

    public static void main(String[] arguments) throws IOException {
        Program program;
        try {
            program = new Program();
        } catch (Exception unexpected) {
            say("error " + unexpected);
            System.exit(1);
            return;
        }
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            var words = line.trim().split(" ", 2);
            if (words[0].equals("quit")) {
                break;
            }
            say(program.answer(words[0], words.length > 1 ? words[1] : ""));
        }
        System.exit(0);
    }
}
