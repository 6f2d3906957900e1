# The words of the pages in English. A branding folder may replace any message by its key.

## Shared

language = Language
username = Username
password = Password
email = Email
cancel = Cancel
continue = Continue
sign-out = Sign out
another-account = Use another account
back-to-app = Back to the app
back-to-named-app = Back to { $app }
to-account = Go to my account
see-apps = See the apps with access
throttled =
    { $minutes ->
        [one] Too many attempts. Try again in a minute.
       *[other] Too many attempts. Try again in { $minutes } minutes.
    }
busy = Many people are signing in right now. Try again in a moment.

## Signing in

sign-in-title = Sign in
sign-in-lead = to continue to { $app }
sign-in-lead-account = to your { $name } account
sign-in-again-title = Confirm it’s you
sign-in-again-lead = { $app } asks for your password again.
sign-in-keep = Keep me signed in on this device
sign-in-submit = Sign in
sign-in-username = Username or email
sign-in-missing-username = Enter your username or email address.
sign-in-missing-password = Enter your password.
sign-in-wrong = This username and password don’t match. Check both and try again.
sign-in-wrong-password = This isn’t the right password. Try again.
sign-in-or = or
passkey-sign-in = Sign in with a passkey
passkey-cancelled = No passkey was used. Try again, or sign in another way.
passkey-refused = This passkey can’t be used here. Use another one, or sign in another way.
passkey-late = That took too long. Try your passkey again.
sign-in-more = More ways to sign in
sign-in-with = Continue with { $provider }
sign-in-with-google = Continue with { $provider }
sign-in-with-apple = Continue with { $provider }
sign-in-with-microsoft = Continue with { $provider }
sign-in-with-kakao = Login with { $provider }
sign-in-with-naver = Continue with { $provider }
sign-in-with-line = Log in with { $provider }
sign-in-with-facebook = Continue with { $provider }
sign-in-with-github = Continue with { $provider }
sign-in-with-gitlab = Continue with { $provider }
sign-in-again-lead-as = { $app } asks you to sign in again as { $username }.
sign-in-again-lead-account = Sign in again as { $username }.
sign-in-prove-title = Connect { $provider } to your account?
sign-in-prove-lead = { $email } already has an account here. Sign in to it once, the way you did before. Next time { $provider } is enough.
sign-in-prove-another = That is another account. Sign in to the one with { $email }, or continue without connecting.
sign-in-unconnected = Continue without connecting
social-cancelled = Your { $provider } sign-in was cancelled. Choose another way, or try again.
social-unavailable = We can’t reach { $provider } right now. Try again in a moment, or sign in another way.
social-refused = This { $provider } account can’t be used here. Use another account or sign in another way.
social-failed = We couldn’t verify the response from { $provider }, so nothing was changed. Start again.
social-unknown = This way to sign in isn’t available any more. Choose another one.
sign-in-no-way = Signing in isn’t possible right now. Go back to the app and try again later.
sign-in-no-way-account = Signing in isn’t possible right now. Try again later.
sign-in-no-way-again = This account can’t sign in here right now. Use another account, or try again later.
external-browser-title = Open in another browser
external-browser-lead = You’re in { $app }’s browser.
external-browser-lead-unknown = You’re in an app’s own browser.
external-browser-without = { $provider } sign-in doesn’t work inside this app.
external-browser-open = Open in your own browser
external-browser-address = Copy this address and paste it into Safari or Chrome
external-browser-copy = Copy
external-browser-copied = Copied
password-show = Show
password-show-label = Show password

## A new password, and codes by mail

forgot-link = Forgot your password?
forgot-title = Reset your password
forgot-lead = We’ll send a link to the confirmed address of your account.
forgot-submit = Send the link
forgot-sent-title = Check your email
forgot-sent-lead = If there is such an account with a confirmed address, a message with a link is on its way. The link works for 30 minutes.
forgot-sent-hint = Nothing there? Look in the spam folder, or ask the people who run this service.
back-to-sign-in = Back to sign-in
mail-link-recovery-title = Choose a new password?
mail-link-recovery-lead = This link works once. You choose the new password on the next page.
mail-link-address-title = Use this email address?
mail-link-address-lead = This address replaces the one that your account has now.
mail-link-address-button = Use this address
mail-link-address-done-title = Your email address is changed
mail-link-address-done-lead = { $email } belongs to your account now. The old address has been told.
mail-link-undo-title = Take back the new email address?
mail-link-undo-lead = Your account gets this address again. Everyone is signed out of it, and you choose a new password. Passkeys, connected accounts and authenticator apps are removed if they were added after the change or in the seven days before it, and all recovery codes end.
mail-link-undo-button = Take it back
new-password-title = Choose a new password
new-password-lead = for { $username }
new-password-hint = A few random words work well.
new-password-keep-sessions = Stay signed in on my other devices
new-password-submit = Set the password
new-password-passkey = Make a passkey instead
new-password-passkey-hint = From then on you sign in without a password, and the old one no longer works.
login-mail-code = Send me a code by email
mailed-code-title = Enter the code
mailed-code = Code
mailed-code-sign-in-lead = If there is such an account with a confirmed address, we’ve sent a code to it. It works in this browser for 30 minutes.
mailed-code-address-lead = We’ve sent a code to { $email }. It works in this browser; the link in the message works anywhere.
mailed-code-missing = Enter the code from the message.
mailed-code-wrong = This code is wrong or too old. Check it, or go back for a new one.

## Sign-up

sign-in-sign-up-lead = New here?
sign-in-sign-up = Create an account
sign-in-invitation = New here? Accounts are made by invitation.
sign-up-title = Create your account
sign-up-lead = You need an account to continue to { $app }.
sign-up-lead-account = An account at { $name }.
sign-up-email-hint = We’ll send you a message to make sure that it’s yours.
sign-up-email-wrong = Enter an email address, like name@example.com.
sign-up-sign-in = I already have an account
sign-up-code-title = Check your email
sign-up-code-lead = We sent a message to { $email }. Type the code from it here, or open its link.
sign-up-code = Code
sign-up-code-wrong = This code doesn’t work. Check it, or have a new one sent.
sign-up-code-hint = Nothing there after a minute? Look in the spam folder, and check the address.
sign-up-again = Send it again
sign-up-other-email = Use another address
sign-up-confirm-title = Is this your address?
sign-up-confirm-lead = You’re creating an account for { $email }.
sign-up-confirm-submit = Yes, continue
sign-up-confirm-hint = If you didn’t ask for this, close this page. No account is created.
sign-up-invitation-title = You’re invited
sign-up-invitation-lead = You can create an account at { $name } for { $email }.
sign-up-invitation-submit = Accept the invitation
sign-up-account-lead-proven = Your address is confirmed. Only a few details left.
sign-up-name = Name
sign-up-name-wrong = Enter your name.
sign-up-username-hint = You’ll sign in with it. Letters and digits, no spaces and no @.
sign-up-username-wrong = Choose a user name without spaces and without @.
sign-up-username-taken = This user name is taken. Choose another one.
sign-up-password-hint = A few unrelated words make a good password.
sign-up-submit = Create account
sign-up-passkey = Create account with a passkey
sign-up-passkey-hint = You sign in with your fingerprint, your face or the PIN of your device, and need no password.
sign-up-passkey-again = No account was created yet. Correct the form and press the button again: your device makes a new passkey then.
new-passkey-failed = No passkey was made. Try again, or choose a password.
new-passkey-late = That took too long. Press the button for the passkey again.
sign-up-account-exists = There is an account with this address by now. Please sign in.

## Terms

terms-title = Please read and accept
terms-lead = There is something new to accept before you continue to { $app }.
terms-lead-account = There is something new to accept before you continue.
terms-box-required = I accept: { $title }
terms-box-optional = I accept: { $title } (optional)
terms-read = Read it
terms-missing = Please accept what is required to continue.

## Choosing an account

select-account-title = Choose an account
select-account-lead = to continue to { $app }

## Allowing an app

consent-title = Let { $app } use your account?
consent-switch = Not you?
consent-permissions = It would be able to
consent-known = What you allowed before
consent-allow = Allow
consent-deny = Don’t allow
consent-host = If you allow this, you will go to { $host }.
consent-unvouched = This app is not verified: nobody here has checked who made it. Go on only if you started this yourself and trust it.
consent-document = It describes itself at { $host }.
consent-redirect = Your answer goes to { $host }.
consent-redirect-local = Your answer goes to a program on this device ({ $host }).
consent-undo = You can remove this access in your account at any time.
consent-policy = Privacy policy
consent-terms = Terms of service
pair-title = Connect a device
pair-lead = Type the code that your device shows.
pair-code = Code
pair-code-hint = Eight letters. Capital or small, with or without the hyphen.
pair-unknown = This code is wrong, or it has expired. Look at your device again.
pair-weak = This app needs a second factor. Sign in with one, then type the code again.
pair-not-admitted = The way you signed in does not lead to this app. Sign in in another way.
pair-warning = Go on only if you started this yourself and the device is in front of you. Never use a code that somebody sent you or told you.
pair-ask-title = Let { $app } on your device use your account?
pair-compare = The same code must be on your device.
pair-asked = Asked
pair-system = System
pair-allowed-title = Your device is connected
pair-allowed-lead = You can close this page. Your device goes on by itself.
pair-denied-title = Nothing was allowed
pair-denied-lead = The device gets no access to your account. You can close this page.
permission-identity = Recognise you when you sign in
permission-profile = See your profile
permission-profile-detail = Name, username, picture and the like
permission-email = See your email address
permission-address = See your postal address
permission-phone = See your phone number
permission-groups = See which groups you are in
permission-groups-detail = Like your team or your department
permission-roles = See your roles
permission-roles-detail = What you may do in this app
permission-offline = Keep access while you are away
permission-offline-detail = Until you remove the app in your account
permission-other = Act on your behalf with this permission:
permission-at = Act for you at this service:
claim-name = See your name
claim-nickname = See your nickname
claim-username = See your username
claim-picture = See your picture
claim-website = See your website
claim-gender = See your gender
claim-birthdate = See your date of birth
claim-zoneinfo = See your time zone
claim-locale = See your language
claim-updated = See when your profile last changed
claim-other = See “{ $claim }” from your profile

## Signing out

logout-title = Sign out?
logout-lead = You will be signed out in this browser.
logout-lead-app = { $app } asks to sign you out in this browser.
logout-confirm = Sign out
logout-stay = Stay signed in
signed-out-title = You’re signed out
signed-out-lead = On a shared computer, close all windows of the browser too.
signed-out-provider = You may still be signed in at { $provider }.
sign-in-anew = Sign in again
still-signed-in-title = You are still signed in
still-signed-in-lead = Nothing has changed. You can close this page.

## Going back

form-post-title = Going back to the app
form-post-lead = Your browser does not run scripts. Press the button to go back to the app.

## My account

account-title = My account
to-profile = Profile
to-security = Security
to-devices = Devices
to-apps = Apps
to-activity = Activity
to-data = Data
profile-title = Profile
profile-about = About you
profile-lead = Apps see some of this if you allow it.
profile-more = More about you
profile-submit = Save
profile-name = Name
profile-nickname = Nickname
profile-picture = Address of a picture
profile-picture-hint = It begins with https://
profile-locale = Language
profile-locale-hint = Like en-US or ko-KR. Our messages to you are in this language, if we speak it.
profile-zoneinfo = Time zone
profile-zoneinfo-hint = Like Europe/London or Asia/Seoul
profile-given-name = Given name
profile-family-name = Family name
profile-birthdate = Date of birth
profile-birthdate-hint = Year, month and day, like 1990-12-31
profile-gender = Gender
profile-website = Website
profile-profile = Address of your profile page
profile-too-long = This is too long. Use fewer characters.
profile-unreadable = This contains characters that can’t be shown.
profile-not-https = Enter a full address that begins with https://
profile-not-date = Enter a date like 1990-12-31.
profile-unknown-locale = We don’t know this language. Enter one like en-US.
attributes-title = More from your organization
attributes-fixed = Only your administrator can change this.
attributes-submit = Save these
attribute-none = No answer
attribute-yes = Yes
attribute-no = No
attribute-not-number = Enter a whole number.
profile-unknown-zone = We don’t know this time zone. Enter one like Asia/Seoul.
security-title = Sign-in and security
email-verified = verified
email-unverified = not verified
devices-title = Where you’re signed in
devices-none = You are not signed in anywhere else.
devices-end-all = Sign out everywhere
devices-more = Show more devices
device-browser-system = { $browser } on { $system }
device-unknown = Unknown device
device-current = This device
device-seen = Last active
device-since = Signed in
device-address = From
apps-title = Apps with access
apps-none = No app has access to your account.
app-since = Access since
app-remove = Remove
apps-more = Show more apps
actors-title = Who acts for you
actors-lead = These apps may do something for you at another service. What you stop stays stopped until you allow it again.
actors-acts = { $name } acts for you
actors-by-way-of = By way of { $apps }
actors-since = Since
actors-stop = Stop
actors-stopped-title = Stopped by you
actors-stopped = { $name } no longer acts for you
actors-allow = Allow again
activity-title = Activity
activity-lead = What happened to your account. If something here wasn’t you, change your password.
activity-none = Nothing has happened yet.
activity-more = Show earlier activity
activity-app = App: { $app }
activity-provider = With { $provider }
activity-signed-in = You signed in
activity-sign-in-failed =
    { $times ->
        [one] A sign-in failed
       *[other] { $times } sign-ins failed
    }
activity-sign-in-blocked = Sign-ins were paused after too many attempts
activity-signed-out = You signed out
activity-signed-out-everywhere = You signed out everywhere
activity-app-allowed = You allowed an app
activity-app-denied = You didn’t allow an app
activity-app-removed = You removed an app’s access
activity-actor-started = An app began to act for you
activity-actor-stopped = You stopped an app that acted for you
activity-actor-allowed = You allowed an app to act for you again
activity-app-signed-out = An app ended its own access
activity-code-used-twice = A sign-in code was used twice, so its access was ended
activity-token-used-twice = An app’s access was copied, so it was ended
activity-account-made = Your account was created
activity-profile-changed = Your profile was changed
activity-data-taken = You downloaded your data
activity-deletion-planned = You asked us to delete your account
activity-deletion-taken-back = You kept your account
activity-password-changed = You changed your password
activity-password-set = An administrator set a new password
activity-password-recovered = New way to sign in chosen by a link
activity-address-changed = Email address changed
activity-address-given-back = Email address taken back
activity-account-disabled = An administrator disabled your account
activity-account-enabled = An administrator enabled your account
activity-provider-connected = You connected an account
activity-provider-disconnected = You disconnected an account
activity-provider-refused = A sign-in with a connected account was refused
data-title = Your data
export-title = Take your data along
export-lead = A file with everything that is stored about you here: your profile, your ways to sign in, your devices, your apps and what happened to your account.
export-submit = Download as a file
delete-section-title = Delete your account
delete-section-lead = We’ll show you what you lose before anything happens.
delete-section-submit = Delete my account
delete-last-owner = You’re the last owner of the administration, so your account can’t be deleted. Make somebody else an owner first.
delete-title = Delete your account?
delete-losses = This is what you lose
delete-loses-profile = Your profile, your ways to sign in and the list of your activity
delete-loses-providers = Signing in here with { $providers }
delete-loses-apps = Access to { $apps }. What you stored there may be lost, too.
delete-loses-apps-and-more = Access to { $apps } and more apps. What you stored there may be lost, too.
delete-loses-sessions = Every device is signed out at once
delete-until = You can take it back by signing in until
delete-for-ever = This can’t be taken back.
delete-confirm = Delete my account
deletion-planned-title = Your account will be deleted
deletion-planned-lead = You’re signed out everywhere. If you change your mind, sign in and keep your account.
deletion-done-title = Your account is deleted
deletion-done-lead = You’re signed out everywhere. Thank you for having been here.
keep-account-title = Keep your account?
keep-account-lead = You asked us to delete this account.
keep-account-until = It will be deleted on
keep-account-submit = Keep my account
keep-account-leave = Delete it and sign out
activity-factor-added = You set up an authenticator app
activity-factor-removed = You removed your authenticator app
activity-factor-reset = An administrator removed your second factor
activity-factor-failed = A wrong code was entered as the second step
activity-recovery-code-used = You used a recovery code
activity-recovery-codes-renewed = You made new recovery codes
activity-passkey-added = You added a passkey
activity-passkey-renamed = You renamed a passkey
activity-passkey-removed = You removed a passkey
activity-passkey-copied = A passkey may have been copied, so its sign-in was refused
activity-recovery-codes-removed = Your recovery codes were removed
activity-second-step-asked = The first step of a sign-in was right, and the second one was asked for
activity-strengthened = You confirmed a sign-in with another step
activity-sign-in-code-sent = A code to sign in was sent to your email address
activity-terms-accepted = You accepted the terms
activity-recovery-link-made = An administrator made a link for a new password
activity-recovery-link-used = A link for a new password was used
activity-address-requested = A new email address was entered, to be confirmed
activity-address-lost = Someone else confirmed your email address, so your account lost it
activity-sign-up-asked = Someone wanted to make an account with your email address
activity-signed-up = You signed up
activity-invitation-accepted = You accepted an invitation
activity-mail-given-up = A message to your email address couldn’t be delivered
activity-recovery-requested = A link for a new password was requested
linked-title = Connected accounts
linked-none = Nothing is connected yet.
linked-since = Connected
linked-remove = Disconnect
linked-only = Your only way to sign in: it can’t be disconnected.
linkable-title = Connect another
linkable-add = Connect
link-taken = This { $provider } account is already connected to another account here.
link-cancelled = Your { $provider } sign-in was cancelled. Nothing has changed.
link-unavailable = We can’t reach { $provider } right now. Nothing has changed. Try again in a moment.
link-failed = We couldn’t verify the response from { $provider }, so nothing was changed. Start again.
link-refused = This { $provider } account can’t be used here. Use another account.
link-unknown = This provider isn’t available any more. Nothing has changed.
link-last-way-in = This is your only way to sign in. Connect another account before you disconnect it.
codes-title = Authenticator app
codes-none = An authenticator app on your phone shows a code that is asked for after your password.
codes-add = Set up an authenticator app
codes-since = Set up
codes-left =
    { $left ->
        [0] You have no recovery codes left. Make new ones.
        [one] You have one recovery code left. Make new ones.
        [2] You have two recovery codes left. Make new ones.
        [3] You have three recovery codes left. Make new ones.
       *[other] You have { $left } recovery codes left.
    }
codes-renew = Make new recovery codes
codes-remove = Remove the authenticator app
address-new = New email address
address-hint = We’ll send a message to it first. Your old address is told, and can take the change back for seven days.
address-submit = Change address
address-malformed = Enter an email address.
address-same = Your account has this address already.
address-taken = This address can’t be used for your account.
notice-address-changed = Your email address is changed.
password-current = Current password
password-new = New password
password-hint = A few random words work well. Your other devices will be signed out.
password-submit = Change password
password-set-lead = This account has no password yet.
password-set = Set a password
password-none = This account has no password.
password-wrong-current = This isn’t your current password.
password-missing-current = Enter your current password.
password-missing-new = Enter a new password.
password-too-short =
    { $least ->
        [one] Use at least one character.
       *[other] Use at least { $least } characters.
    }
password-too-easy = This password is easy to guess. Add another word or two.
password-breached = This password is known from a data breach, so attackers try it first. Choose another one.
password-same-as-old = This is the password you have now. Choose a new one.
password-too-long = This password is too long. Choose a shorter one.
notice-profile-changed = Your profile is saved.
notice-password-set = Your password is set.
notice-password-changed = Your password is changed. Your other devices are signed out.
notice-device-signed-out = The device is signed out.
notice-app-removed = The app no longer has access.
notice-actor-stopped = The app no longer acts for you.
notice-actor-allowed = The app may act for you again.
notice-provider-linked = The account is connected. You can sign in with it from now on.
notice-provider-unlinked = The account is disconnected. You can no longer sign in with it.
notice-account-kept = Your account is kept. Nothing was deleted.
notice-confirmed = Thanks, we’ve confirmed it’s you. You can make the change now.
notice-codes-removed = Your authenticator app is removed. Its codes and your recovery codes no longer work.
others-title = Other accounts in this browser

## Second factors

second-factor-title = One more step
second-factor-lead = Enter the code that your authenticator app shows.
second-factor-lead-app = { $app } asks for the code that your authenticator app shows.
second-factor-lead-other = This needs a stronger proof that it’s you.
second-factor-code = Code
second-factor-missing = Enter the six digits from your authenticator app.
second-factor-wrong = This code doesn’t count. Wait for the next one and try again.
second-factor-remember = Don’t ask again in this browser for 30 days
second-factor-recovery = I don’t have my device
second-factor-recovery-code = Recovery code
second-factor-recovery-missing = Enter one of your recovery codes.
second-factor-recovery-wrong = This is none of your recovery codes, or you have used it before.
second-factor-skip = Continue without it
set-up-factor-title = Set up an authenticator app
set-up-factor-lead = Scan this code with an authenticator app on your phone. It then shows a new six-digit code every 30 seconds.
set-up-factor-qr = QR code with the key for your authenticator app
set-up-factor-key = If you can’t scan it, enter this key in the app:
set-up-factor-code = Code that the app shows
set-up-factor-confirm = Turn on
recovery-codes-title = Save your recovery codes
recovery-codes-lead = If you lose your phone, each of these codes lets you in once.
recovery-codes-once = You won’t see them again. Print them or keep them in a password manager.
recovery-codes-saved = I’ve saved them

## When something goes wrong

error-code = Code:
error-address-taken = This address can’t be used for your account
error-address-taken-advice = It belongs to another account. Nothing has changed. Choose another address in your account.
error-unknown-client = This app is not registered here
error-unknown-client-advice = Go back to the app and start again. If it happens again, tell the people who run the app.
error-invalid-redirect-uri = The app sent a wrong return address
error-invalid-redirect-uri-advice = To protect you, we don’t send you to an address (redirect_uri) that the app has not registered. Tell the people who run the app.
error-invalid-request = The app’s request can’t be understood
error-invalid-request-advice = Go back to the app and start again. If it happens again, tell the people who run the app.
error-unknown = This link no longer works
error-unknown-advice = You may have finished already, or the link is too old. Go back to the app and start again, or open your account.
error-expired = This page has expired
error-expired-advice = It was open for a long time. Go back to the app and start again.
error-finished = This sign-in is already done
error-finished-advice = You may have used the back button or an old tab. Go back to the app to continue.
error-forbidden = This form did not come from our page
error-forbidden-advice = To protect you, nothing was done. Go back to the app and start again.
error-invalid-logout = The app’s sign-out request can’t be understood
error-invalid-logout-advice = Nothing has changed. To sign out, open your account.
error-not-found = Page not found
error-not-found-advice = The address may be mistyped. Go back to the app and start again.
error-method-not-allowed = This page can’t be opened like this
error-method-not-allowed-advice = Go back to the app and start again.
error-too-large = What was sent is too large
error-too-large-advice = It is more than we accept in one request. Go back to the app and start again.
error-unavailable = We can’t answer right now
error-unavailable-advice = Nothing is lost. Try again in a moment.
error-internal = Something went wrong on our side
error-internal-advice = Try again in a moment. If it happens again, tell us when it happened.
error-wrong-browser = This page belongs to another browser
error-wrong-browser-advice = This sign-in was started in another browser. Go back to it, or allow cookies here and start again from the app.
error-unknown-provider = This way to sign in is not available
error-unknown-provider-advice = Start again and sign in another way.
error-too-many-apps = You have reached the limit for apps
error-too-many-apps-advice = You can allow at most { $most } apps of this kind. Nothing has changed. Remove one that you no longer use, then go back and allow this one.

## Passkeys

passkey = Passkey
passkeys-title = Passkeys
passkeys-lead = With a passkey you sign in with your fingerprint, your face or the PIN of your device, and no one can steal it from a website.
passkey-name = Name
passkey-rename = Save name
passkey-remove = Remove
passkey-add = Add a passkey
passkey-synced = Works on all your devices that share it
passkey-bound = Stays in this device or security key
passkey-since = Added
passkey-used = Last used
passkey-only = This is your only way to sign in, so it can’t be removed.
passkey-many = You have as many passkeys as possible. Remove one to add another.
passkey-not-made = No passkey was added. Try again.
passkey-known = This device already has a passkey for your account.
notice-passkey-added = Your passkey was added. You can sign in with it from now on.
notice-passkey-renamed = The name was saved.
notice-passkey-removed = The passkey was removed. You can also delete it from the device that holds it.

## Mails

mail-confirm = Confirm my address
mail-code = Or enter this code in the browser where you started:
mail-until = Valid until { $time }.
mail-ignore = If this was not you, ignore this mail. Nothing happens then.
mail-device = Device: { $device }
mail-place = Place: { $place }
mail-not-you = If this was not you, get your account back at once: use the link for a forgotten password on the sign-in page.
mail-test-subject = Test mail from { $service }
mail-test-lead = Mails from { $service } arrive at this address.
mail-sign-up-subject = Confirm your address for { $service }
mail-sign-up-lead = Somebody, probably you, wants to open an account with { $service } and gave this address.
mail-sign-up-existing-subject = You already have an account with { $service }
mail-sign-up-existing-lead = Somebody, probably you, wanted to open an account with { $service } and gave this address. It has an account already.
mail-sign-up-existing-advice = Sign in with it. If you forgot your password, use the link for that on the sign-in page.
mail-invitation-subject = You are invited to { $service }
mail-invitation-lead = You are invited to open an account with { $service }.
mail-invitation-submit = Open my account
mail-invitation-ignore = If you do not want an account, ignore this mail.
mail-recovery-subject = Get back into your account with { $service }
mail-recovery-lead = Somebody, probably you, cannot sign in to { $service } any more. This link lets you choose a new way to sign in.
mail-recovery-submit = Get back into my account
mail-recovery-ignore = If this was not you, ignore this mail. Your account stays as it is.
mail-sign-in-code-subject = Your sign-in code for { $service }
mail-sign-in-code-lead = Enter this code in the browser where you want to sign in:
mail-sign-in-code-ignore = Give this code to nobody. If you do not want to sign in, ignore this mail.
mail-new-address-subject = Confirm your new address for { $service }
mail-new-address-lead = This address is to become the address of an account with { $service }.
mail-address-changed-subject = The address of your account with { $service } changed
mail-address-changed-lead = Your account now has the address { $address }.
mail-address-changed-advice = If this was not you, take it back. Your account gets this address again, everyone is signed out, and ways to sign in that were added after the change or in the seven days before it are removed.
mail-address-changed-undo = Take it back
mail-address-given-back-subject = The address of your account with { $service } was taken back
mail-address-given-back-lead = Your account has this address again. Everyone was signed out, and the password was removed: choose a new one.
mail-address-lost-lead = An account with { $service } had this address. The change was taken back from the mailbox of its earlier address.
mail-by-operator = The people who run this service did this. If you did not expect it, ask them.
mail-method-subject = Your account with { $service } changed
mail-password-added = A password was set for your account.
mail-password-changed = The password of your account was changed.
mail-password-set = Your account got a new password, and everyone was signed out of it.
mail-password-recovered = Somebody used a link from your mailbox and chose a new password for your account.
mail-passkey-recovered = Somebody used a link from your mailbox and made a passkey for your account. Its old password no longer works.
mail-passkey-added = A passkey was added to your account.
mail-passkey-removed = A passkey was removed from your account.
mail-one-time-codes-added = Codes from an authenticator app were turned on for your account.
mail-one-time-codes-removed = Codes from an authenticator app were turned off for your account.
mail-second-factor-reset = Codes from an authenticator app were turned off for your account, and its recovery codes no longer work.
mail-recovery-codes-renewed = New recovery codes were made for your account. The old ones no longer work.
mail-recovery-codes-removed = The recovery codes of your account no longer work.
mail-provider-connected = A login from another service was connected to your account.
mail-provider-disconnected = A login from another service was disconnected from your account.
mail-recovery-codes-subject = Few recovery codes left for { $service }
mail-recovery-codes-lead =
    { $left ->
        [one] One recovery code of your account is left.
       *[other] { $left } recovery codes of your account are left.
    }
mail-recovery-codes-advice = Make new ones on your account page, or you may lock yourself out.
mail-new-device-subject = New sign-in to { $service }
mail-new-device-lead = Somebody, probably you, signed in to your account with { $service } on a new device.
mail-deletion-subject = Your account with { $service } will be deleted
mail-deletion-lead = Your account will be deleted on { $time }.
mail-deletion-undo = If you want to keep it, sign in before that and take it back.
mail-deleted-subject = Your account with { $service } was deleted
mail-deleted-lead = Your account with { $service } was deleted, with everything that belonged to it.

## Console

console-title = Administration
console-my-account = My account
console-overview = Overview
console-people = People
console-groups = Groups
console-apps = Apps
console-providers = Providers
console-keys = Keys
console-audit = Audit
console-settings = Settings
console-saved = Saved.
console-created = It is made.
console-deleted = It is deleted.
console-is-disabled = It is disabled, and what was open has ended.
console-is-enabled = It can be used again.
console-logged-out = Every session has ended.
console-session-ended = The session has ended.
console-factors-reset = The one-time codes and recovery codes are gone.
console-role-granted = The role is given.
console-role-revoked = The role is taken away.
console-group-added = The person is in the group.
console-group-removed = The person is out of the group.
console-keys-rotated = There are new keys. They are published now and sign when everybody has had time to fetch them.
console-key-dropped = The key is gone. Tokens that it signed are refused.
console-secret-dropped = The secret counts no longer.
console-registration-token-revoked = No app can be registered with this token any more.
console-nothing = Nothing was to be done.
console-refused = This was not done
console-go-back = Back
console-search-people = User name, address or id
console-search = Search
console-new-person = New person
console-people-none = Nobody was found. A search looks at the beginning of the user name and of the address.
console-next = Next
console-disabled = Disabled
console-leaving = Leaving
console-active = Active
console-address = Email
console-invite = Invite
console-user-name = Username
console-name = Name
console-address-is-known = This address is known to belong to the person
console-create = Create
console-invite-title = Invite by mail
console-invite-lead = The person gets a link, and chooses how to sign in. Without a mail server you get the link.
console-create-title = Create an account
console-create-lead = The account has no password yet. Make a link to a new password on its page.
console-state = State
console-verified-address = { $address } (verified)
console-claimed-address = { $address } (not verified)
console-id = Id
console-last-sign-in = Last sign-in
console-never = Never
console-made = Created
console-disabled-since = Disabled since
console-deleted-at = Will be deleted
console-enable = Enable
console-recover = Make a recovery link
console-log-out = End every session
console-disable = Disable
console-delete = Delete
console-ways-in = Ways to sign in
console-yes = Yes
console-no = No
console-password = Password
console-password-temporary = Temporary: it must be changed at the next sign-in
console-passkeys = Passkeys
console-one-time-codes = One-time codes
console-codes-left =
    { $number ->
        [one] Yes, with one recovery code left
       *[other] Yes, with { $number } recovery codes left
    }
console-reset-factors = Remove the one-time codes
console-sessions = Sessions
console-n-browsers =
    { $number ->
        [one] One browser
       *[other] { $number } browsers
    }
console-n-sessions =
    { $number ->
        [one] One session at an app
       *[other] { $number } sessions at apps
    }
console-n-apps =
    { $number ->
        [one] One app
       *[other] { $number } apps
    }
console-and-more = and more
console-end = End
console-app = App
console-browser = Browser
console-since = Since
console-seen = Last seen
console-take-out = Take out
console-no-groups = In no group.
console-group = Group
console-put-in = Add
console-roles = Roles
console-role = Role
console-role-at = At the app { $app }
console-no-roles = No role.
console-give = Give
console-take-away = Take away
console-owner = Owner
console-admin = Admin
console-support = Support
console-auditor = Auditor
console-owner-words = Everything, and makes owners
console-admin-words = Everything, except making owners
console-support-words = People and their sessions
console-auditor-words = Reads everything, changes nothing
console-activity = What happened
console-all-events = All events
console-person-attributes = Attributes
console-person-no-attributes = No attribute has a value.
console-attribute-none = No value
console-attribute-editable = The person may change it.
console-delete-person = Delete this person
console-delete-person-lead = The account ends for good, with everything that belongs to it.
console-disable-title = Disable { $name }?
console-disable-lead = Nobody can sign in with this account until it is enabled again. What ends now stays ended.
console-delete-title = Delete { $name }?
console-delete-lead = This cannot be taken back.
console-what-ends = This ends
console-link-title = A link to a new password
console-invited-title = Invited
console-link-mailed = The link was mailed to { $address }.
console-link = Link
console-link-hint = It is shown once and works once. Hand it to the person over a channel that you trust.
console-no-events = Nothing happened.
console-by = By { $actor }
console-kind = Kind
console-person = Person
console-from = From
console-before = Until
console-show = Show
console-export = Export as JSON lines
console-follow = Follow
console-refresh = Refresh
console-follow-stop = Stop following
console-audit-lead = What happened, the newest first.
console-as-numbers = As numbers
error-no-role = This is for people who administer
error-no-role-advice = You are signed in, but your account has no role here. Ask an owner for one.
error-no-right = Your role does not allow this
error-no-right-advice = Nothing has changed. Ask an owner to do it, or for another role.
error-passkey-needed = Sign in with your passkey first
error-passkey-needed-advice = Your account has a passkey, and changes here need it. Sign out, sign in with the passkey, and do it again. Nothing has changed.
console-search-apps = Name or client_id
console-new-app = New app
console-new-app-lead = What is it? The rest follows from that.
console-apps-none = There is no such app.
console-kind-web = Web app
console-kind-single-page = Single-page app
console-kind-native = Phone or desktop app
console-kind-service = Service
console-kind-resource = API that takes tokens
console-kind-mcp = MCP server
console-kind-web-words = It has a server of its own, which keeps a secret. People sign in.
console-kind-single-page-words = It runs in the browser alone and keeps no secret. People sign in.
console-kind-native-words = It is installed and keeps no secret. People sign in.
console-kind-service-words = It acts for itself, without a person.
console-kind-resource-words = Apps send it access tokens, and it verifies them.
console-kind-mcp-words = An API for assistants, which find this server through its metadata.
console-app-settings = Settings of the app
console-client-kind = Kind of client
console-authentication = Authentication
console-grants = Grants
console-takes-tokens-for = Takes tokens for
console-snippets = Code
console-test-sign-in = Try the sign-in
console-preview = Preview its tokens
console-preview-lead = What the tokens of a person at this app would say. Nothing is issued.
console-one-a-line = One a line
console-redirect-uris = Redirect URIs
console-post-logout-uris = Addresses after signing out
console-origins = Origins whose scripts may read answers
console-scope = Scope
console-audiences = Audiences that it may ask for
console-back-channel = Where it is told of sign-outs
console-registered-itself = Registered itself
console-registered-document = Described by its document
console-registered-with = Registered with the token
console-first-party = It is our own: nobody is asked for consent
console-access-lifetime = Its access tokens are good for
console-id-lifetime = Its id tokens are good for
console-refresh-idle = Its refresh tokens end when they are not used for
console-refresh-absolute = Its refresh tokens end after the sign-in at the latest in
console-session-lifetime = Ask people to sign in again when their sign-in is older than
console-lifetime-hint = Like 90s, 15m, 2h or 30d. Left empty, it is as the server says.
console-field-wrong = Nothing has changed. What is wrong is said at its field.
console-group-lifetimes = Lifetimes
console-group-proof = How it proves who it is
console-group-requests = Requests
console-group-tokens = Tokens and signed answers
console-group-profile = Security profile and subjects
console-jwks-uri = Where its public keys are
console-jwks = Its public keys, as a JWK Set
console-tls-subject = Subject of its certificate
console-tls-dns = Host in its certificate
console-tls-uri = URI in its certificate
console-tls-ip = IP address in its certificate
console-tls-email = Mail address in its certificate
console-require-par = It has to push its requests (PAR)
console-require-jar = It has to sign its requests (JAR)
console-request-alg = Algorithm of its requests
console-alg-of-keys = What its keys are for
console-device-age = The sign-in for a device is older than its code by at most
console-device-age-hint = Like 0s or 5m. Left empty, its age does not matter.
console-token-alg = Algorithm of its tokens
console-id-alg = Algorithm of its id tokens
console-userinfo-alg = Algorithm of its answers of userinfo
console-authorization-alg = Algorithm of signed authorization responses (JARM)
console-introspection-alg = Algorithm of signed introspection
console-alg-as-tokens = That of its tokens
console-alg-none = They are not signed
console-alg-usual = { $alg }, as usual
console-dpop-bound = Its tokens are bound to a key (DPoP)
console-tls-bound = Its tokens are bound to its certificate (mutual TLS)
console-claims = What its tokens say besides
console-claims-hint = One rule a line: the groups of the person, an attribute of people, or the same value for everybody, like { $examples }. Other rules are JSON, as at the command line.
console-status-list = Tokens that name their place in a status list
console-status-list-off = None
console-status-list-people = Those of people
console-status-list-each = Those of people, and each one that it gets for itself
console-profile = Security profile
console-profile-none = None
console-profile-hint = It sets what it asks for, and refuses what contradicts it. What people gave the app ends when it begins.
console-subject-type = By which sub it knows people
console-sub-public = The same for all apps
console-sub-pairwise = Another one for each sector
console-ends-what-was-given = A change ends what people gave the app.
console-sector = Where its sector lists its redirect URIs
console-save = Save
console-secrets = Secrets
console-ends = Ends
console-hours =
    { $number ->
        [one] One hour
       *[other] { $number } hours
    }
console-at-once = Not at all: the old ones end at once
console-overlap = The old ones still count for
console-new-secret = Make a new secret
console-new-secret-lead = When the time is over, apps that still use an old secret are refused.
console-app-roles = Roles at this app
console-no-app-roles = There are none.
console-delete-app = Delete this app
console-delete-app-lead = Everything that it was given ends for good.
console-resources = Resources
console-resources-lead = The APIs that access tokens are for. Tokens for them look as it says here, whichever app they were issued to.
console-resources-none = There is no resource.
console-new-resource = New resource
console-resource-settings = Settings of the resource
console-resource-id = Its address, which is the audience of its tokens
console-resource-scope = Scopes that mean something there
console-resource-scope-hint = With spaces between them. Its tokens have no others. Left empty, they have what the app was granted.
console-resource-lifetime = Access tokens for it are good for at most
console-resource-lifetime-hint = Like 90s, 15m, 2h or 30d. Left empty, it is as the app says.
console-resource-alg-of-app = That of the app
console-resource-status-list = Access tokens for it name their place in a status list
console-resource-mcp = It is an MCP server: a token is for it only if the request names it
console-resource-words = What people read about its scopes
console-scope-without-words = Nobody has described it: people read its name.
console-delete-resource = Delete this resource
console-delete-resource-lead = Apps may still ask for tokens for it. These are then as each app says: its scope, lifetime and algorithm.
console-delete-resource-title = Delete { $name }?
console-delete-resource-mcp = Its metadata goes, too: apps that nobody registered by hand get no token for it any more.
console-client-id-hint = Left empty, one is made from the name.
console-audience-of-tokens = Audience of its tokens
console-audience-it-is = Audience that it is
console-audience-hint = A URL, like https://api.example.com
console-secret-hint = It is shown once. Keep it where your app reads its settings.
console-app-made = { $name } is registered
console-secret-made = A new secret
console-registration-tokens = Registration tokens
console-registration-tokens-lead = Whoever has such a token may register an app by themselves. It is never treated as your own, and people are always asked.
console-registration-tokens-none = There is no registration token.
console-registration-off = No app registers itself here: the setting registration.mode is off.
console-registration-token = Registration token
console-token-name = What you call it
console-token-lifetime = Good for
console-token-lifetime-hint = Like 15m, 2h or 30d.
console-registration-token-uses = How many apps it may register
console-token-over = Over
console-registration-token-hint = It is shown once. Give it to whoever registers the app.
console-new-registration-token = New registration token
console-n-registrations =
    { $number ->
        [one] One app may still be registered
       *[other] { $number } apps may still be registered
    }
console-programming-language = Programming language
console-disable-app-title = Disable { $name }?
console-disable-app-lead = It gets no token until it is enabled again. What ends now stays ended.
console-n-people-sessions =
    { $number ->
        [one] One session of a person
       *[other] { $number } sessions of people
    }
console-bytes =
    { $number ->
        [one] One byte
       *[other] { $number } bytes
    }
console-groups-lead = Apps read the groups of a person in the claim groups, if their registration has a rule for it.
console-new-group = New group
console-groups-none = There is no group yet.
console-members-none = Nobody is in it. Add people on their pages.
console-n-members =
    { $number ->
        [one] One member
       *[other] { $number } members
    }
console-delete-group-lead = Its members lose what apps give to this group.
console-key-pending = Published
console-key-signing = Signing
console-key-retiring = Retiring
console-key-remembered = Remembered
console-signs-from = Signs from
console-published-until = Published until
console-rotate = Rotate
console-keys-lead = Thick and coloured: it signs. Grey: it is published. The upright line is now.
console-fetchers = Who fetched them
console-no-fetchers = Nobody has fetched the keys yet.
console-next-key = { $have } of { $of } have fetched the next key
console-next-key-missing = Not yet fetched by: { $names }
console-every-algorithm = Every algorithm
console-algorithm = Algorithm
console-sign-at-once = An emergency: the new keys sign at once
console-rotation-lead =
    { $hours ->
        [one] New keys are published now and sign in one hour. The old ones go on being published until their last token has expired.
       *[other] New keys are published now and sign in { $hours } hours. The old ones go on being published until their last token has expired.
    }
console-rotation-fetchers =
    { $number ->
        [one] One program has fetched keys here. In an emergency it refuses new tokens until it fetches them again.
       *[other] { $number } programs have fetched keys here. In an emergency they refuse new tokens until they fetch them again.
    }
console-rotate-title = Rotate the signing keys?
console-drop-title = Delete this key?
console-drop-lead = Every token that it signed is refused from now on, everywhere. This cannot be taken back.
console-of-file = In the settings file
console-new-provider = New provider
console-providers-none = There is no provider yet.
console-providers-lead = Where people can sign in with an account that they have already.
console-provider-redirect-uri = Redirect URI
console-provider-redirect-uri-hint = Register exactly this one at the provider.
console-preset = Kind
console-check = Check
console-team-id = Team id
console-key-id = Key id
console-private-key = Private key (PKCS#8, PEM)
console-issuer = Issuer
console-issuer-hint = Only for a server of your own.
console-slug = Name here
console-slug-hint = It stands in the redirect URI.
console-group-map = Groups from this provider
console-group-map-lead = At each sign-in by this provider a person gets our group, or loses it. What was given by hand stays.
console-group-claim = The claim that lists a person's groups there
console-group-map-lines = Their group and ours, one pair a line
console-group-map-hint = Like admins=Administrators
console-add = Add
console-provider-ending-lead = What people opened with it ends. Their accounts stay.
console-who-is-concerned = This concerns
console-n-connected =
    { $number ->
        [one] One connected account
       *[other] { $number } connected accounts
    }
console-source-default = Default
console-source-line = Settings file, line { $line }
console-source-file = Settings file
console-source-environment = Environment
console-source-flag = Command line
console-chosen = Chosen here
console-usual = Defaults
console-settings-lead = What is in force, and where it comes from. Secrets are not shown. Settings change in the file or the environment, and count after a restart.
console-overview-lead = What goes on, and what needs a look.
console-attention = Needs a look
console-all-well = Nothing needs attention.
console-mails-wait =
    { $number ->
        [one] One mail waits for the mail server
       *[other] { $number } mails wait for the mail server
    }
console-notices-wait =
    { $number ->
        [one] One logout notice waits for its app
       *[other] { $number } logout notices wait for their apps
    }
console-hashing-waits =
    { $number ->
        [one] One password waits to be checked
       *[other] { $number } passwords wait to be checked
    }
console-key-not-fetched = The next { $alg } key was not fetched by { $names }
console-provider-fails = { $name } cannot be reached
console-localhost = The issuer is the one of a trial: set it before people come
console-highest =
    { $number ->
        [one] at most one a day
       *[other] at most { $number } a day
    }
console-two-weeks = The last two weeks
console-sign-ins = Sign-ins
console-refusals = Refusals
console-refused-sign-ins = Refused
console-refreshes = Refresh tokens used
console-refreshed = Used
console-way-password = Password
console-way-passkey = Passkey
console-way-provider = Provider
console-counted-to =
    { $number ->
        [one] Each day is counted up to one event.
       *[other] Each day is counted up to { $number } events.
    }
console-token = Token, or its claims as JSON
console-token-hint = It is not stored, not logged and not shown again.
console-token-as = Resource server that refuses it
console-token-as-hint = Its audience, or the id of its client. Left empty, the audience is not judged.
console-explain = Explain
console-explanation = Explanation
console-token-good = A strict verifier takes it.
console-check-good = Good
console-check-bad = Bad
console-mend = To mend it
console-token-title = Why is this token refused?
console-token-lead = What a strict verifier says, check by check.
console-change = What changed
console-in-force = In force
console-delete-thing-title = Delete { $name }?
console-webhooks = Webhooks
console-webhooks-lead = Programs that are told what happens here, by signed requests.
console-webhooks-none = There is no webhook yet.
console-webhook = Webhook
console-new-webhook = New webhook
console-webhook-url = Where the messages are sent
console-webhook-events = Events that it is told of
console-webhook-events-hint = One a line: a kind of the audit like user.created, an area like user.*, or * for every event.
console-webhook-fails = Not taken
console-webhook-messages = Messages
console-webhook-waiting =
    { $number ->
        [one] One message waits
       *[other] { $number } messages wait
    }
console-webhook-attempts = A message was sent { $number } times, and the program did not take it. It is given up after ten attempts, in about three days.
console-webhook-last = Last attempt
console-webhook-outcome = How it ended
console-webhook-failures = Failed in a row
console-webhook-failing-since = Failing since
console-webhook-answered = status { $status }
console-call-not-allowed = the URL is at an address that this server never calls
console-call-timed-out = it took too long
console-call-unknown-name = the name is not known (DNS)
console-call-refused = connection refused
console-call-no-tls = no TLS there
console-call-proxy = the outbound proxy does not answer, or does not let it through
console-call-broken = the connection broke
console-call-untrusted = its certificate is not trusted
console-call-too-large = the answer is too large
console-call-malformed = the answer cannot be read
console-webhook-secret = Secret that signs
console-webhook-secret-hint = It is shown once. The program verifies with it that a message is from here.
console-webhook-rotate-lead = The old secret signs as well for 24 hours, so that no message is lost meanwhile.
console-webhook-old-secret = The old secret signs until
console-replay = Send again
console-replay-lead = When the program is back, what waits is sent at once. A message that it lost is sent again by its id.
console-replay-waiting = Send now what waits
console-replay-message = Id of a message
console-replay-message-hint = It stands in the header webhook-id. The events webhook.given_up of the audit name those that were given up.
console-messages-sent = It is sent again.
console-delete-webhook = Delete this webhook
console-delete-webhook-lead = The program is told of nothing any more, and what waits for it is not sent.
console-token-endless = Does not end by itself
console-end-token-title = End the token { $name }?
console-scim-tokens = SCIM tokens
console-scim-tokens-lead = With such a token an identity provider, like Entra or Okta, makes, changes and disables people and groups here.
console-scim-tokens-none = There is no SCIM token.
console-new-scim-token = New SCIM token
console-scim-token = SCIM token
console-scim-token-hint = It is shown once. Give it to the identity provider as the bearer token.
console-scim-token-lifetime-hint = Like 30d. Left empty, it does not end by itself.
console-scim-address = Address of the SCIM service
console-end-scim-token-lead = Whoever has it changes nothing any more. People and groups stay as they are.
console-scim-token-revoked = The token counts no longer.
console-scope-words = Scopes
console-scope-words-lead = The consent page says these words in place of the name of a scope. A scope without words counts as well.
console-scope-words-none = No scope has words yet.
console-new-scope-words = Describe a scope
console-scope-words-hint = What an app may do with it, as the consent page says it.
console-delete-scope-words = Take the words away
console-delete-scope-words-title = Take away the words of { $name }?
console-delete-scope-words-lead = The consent page says its name again. The scope itself goes on counting.
console-definitions = Attributes
console-definitions-lead = What you know of people beyond the usual claims, like a department. An app sees the value as a claim if it has the scope.
console-definitions-none = No attribute is declared yet.
console-new-definition = New attribute
console-definition-name-hint = The claim has the same name. The name and the type stay as they are.
console-definition-type = Type
console-definition-string = Text
console-definition-integer = Whole number
console-definition-boolean = True or false
console-definition-date = Date
console-definition-scope = Scope that shows it
console-definition-editable = People may change their own value
console-definition-is-editable = Changed by people themselves
console-definition-words = What the account page calls it
console-definition-values =
    { $number ->
        [one] The value of one person
       *[other] The values of { $number } people
    }
console-delete-definition = Delete this attribute
console-delete-definition-lead = Everybody loses the value, and no app sees it any more. This cannot be taken back.
console-messages-wait =
    { $number ->
        [one] One message waits for its webhook
       *[other] { $number } messages wait for their webhooks
    }
