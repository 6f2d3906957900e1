# 화면에 나오는 한국어 문구. 브랜딩 폴더에서 키별로 바꿀 수 있다.

## 공통

language = 언어
username = 아이디
password = 비밀번호
email = 이메일
cancel = 취소
continue = 계속하기
sign-out = 로그아웃
another-account = 다른 계정 사용하기
back-to-app = 앱으로 돌아가기
back-to-named-app = 앱으로 돌아가기: { $app }
to-account = 내 계정으로 가기
throttled = 시도 횟수가 너무 많아요. { $minutes }분 뒤에 다시 시도해 주세요.
busy = 지금 로그인하는 사람이 많아요. 잠시 뒤에 다시 시도해 주세요.

## 로그인

sign-in-title = 로그인
sign-in-lead = { $app } 서비스를 계속 이용하려면 로그인해 주세요.
sign-in-lead-account = { $name } 계정으로 로그인해 주세요.
sign-in-again-title = 본인인지 확인할게요
sign-in-again-lead = { $app }에서 비밀번호를 한 번 더 확인해 달라고 해요.
sign-in-keep = 이 기기에서 로그인 상태 유지하기
sign-in-submit = 로그인
sign-in-username = 아이디 또는 이메일
sign-in-missing-username = 아이디나 이메일을 입력해 주세요.
sign-in-missing-password = 비밀번호를 입력해 주세요.
sign-in-wrong = 아이디 또는 비밀번호가 맞지 않아요. 다시 확인해 주세요.
sign-in-wrong-password = 비밀번호가 맞지 않아요. 다시 입력해 주세요.
sign-in-or = 또는
passkey-sign-in = 패스키로 로그인
passkey-cancelled = 패스키를 사용하지 않았어요. 다시 시도하거나 다른 방법으로 로그인해 주세요.
passkey-refused = 이 패스키는 여기서 쓸 수 없어요. 다른 패스키를 쓰거나 다른 방법으로 로그인해 주세요.
passkey-late = 시간이 너무 오래 걸렸어요. 패스키로 다시 시도해 주세요.
sign-in-more = 다른 로그인 방법 보기
sign-in-with = { $provider } 계정으로 계속하기
sign-in-with-google = { $provider }로 계속하기
sign-in-with-apple = { $provider }로 계속하기
sign-in-with-microsoft = { $provider }로 계속하기
sign-in-with-kakao = { $provider } 로그인
sign-in-with-naver = { $provider } 로그인
sign-in-with-line = { $provider }으로 로그인
sign-in-with-facebook = { $provider }으로 계속하기
sign-in-with-github = { $provider }로 계속하기
sign-in-with-gitlab = { $provider }으로 계속하기
sign-in-again-lead-as = { $app }에서 { $username } 계정으로 다시 로그인해 달라고 해요.
sign-in-again-lead-account = { $username } 계정으로 다시 로그인해 주세요.
sign-in-prove-title = { $provider } 계정을 연결할까요?
sign-in-prove-lead = { $email } 주소로 만든 계정이 이미 있어요. 전에 쓰던 방법으로 한 번만 로그인하면 다음부터는 { $provider } 계정으로도 로그인할 수 있어요.
sign-in-prove-another = 다른 계정이에요. { $email } 계정으로 로그인하거나, 연결하지 않고 계속해 주세요.
sign-in-unconnected = 연결하지 않고 계속하기
social-cancelled = { $provider } 로그인을 취소했어요. 어떻게 로그인할지 선택해 주세요.
social-unavailable = 지금 { $provider }에 연결할 수 없어요. 잠시 뒤에 다시 시도하거나 다른 방법으로 로그인해 주세요.
social-refused = 이 { $provider } 계정은 여기에서 쓸 수 없어요. 다른 계정이나 다른 방법으로 로그인해 주세요.
social-failed = { $provider }에서 온 응답을 확인할 수 없어요. 안전을 위해 아무것도 처리하지 않았어요. 처음부터 다시 시도해 주세요.
social-unknown = 이 로그인 방법은 이제 쓸 수 없어요. 다른 방법을 선택해 주세요.
sign-in-no-way = 지금은 로그인할 수 없어요. 앱으로 돌아가서 나중에 다시 시도해 주세요.
sign-in-no-way-account = 지금은 로그인할 수 없어요. 나중에 다시 시도해 주세요.
sign-in-no-way-again = 지금은 이 계정으로 로그인할 수 없어요. 다른 계정을 사용하거나 나중에 다시 시도해 주세요.
external-browser-title = 다른 브라우저에서 열기
external-browser-lead = 지금 { $app } 앱 안의 브라우저를 쓰고 있어요.
external-browser-lead-unknown = 지금 앱 안의 브라우저를 쓰고 있어요.
external-browser-without = { $provider } 로그인은 이 앱 안에서 쓸 수 없어요.
external-browser-open = 내 브라우저에서 열기
external-browser-address = 주소를 복사해 Safari나 Chrome에 붙여 넣으세요
external-browser-copy = 복사
external-browser-copied = 복사했어요
password-show = 보기
password-show-label = 비밀번호 보기

## 계정 선택

select-account-title = 계정을 선택해 주세요
select-account-lead = 선택한 계정으로 { $app } 서비스를 계속 이용해요.

## 앱 허용

consent-title = { $app }에 계정 사용을 허용할까요?
consent-switch = 다른 계정 사용
consent-permissions = 허용하면 앱이 할 수 있는 일
consent-known = 이전에 허용한 항목
consent-allow = 허용하기
consent-deny = 허용하지 않기
consent-host = 허용하면 { $host } 사이트로 이동해요.
consent-undo = 허용한 내용은 내 계정에서 언제든 취소할 수 있어요.
consent-policy = 개인정보 처리방침
consent-terms = 이용약관
permission-identity = 로그인할 때 같은 사람인지 확인하기
permission-profile = 프로필 보기
permission-profile-detail = 이름, 아이디, 사진 등
permission-email = 이메일 주소 보기
permission-address = 우편 주소 보기
permission-phone = 전화번호 보기
permission-offline = 앱을 쓰지 않을 때도 계속 접근하기
permission-offline-detail = 내 계정에서 앱을 지울 때까지 유지돼요
permission-other = 내 계정으로 다음 권한 사용하기:
permission-at = 이 서비스에서 나를 대신해 요청하기:
claim-name = 이름 보기
claim-nickname = 별명 보기
claim-username = 아이디 보기
claim-picture = 프로필 사진 보기
claim-website = 웹사이트 주소 보기
claim-gender = 성별 보기
claim-birthdate = 생년월일 보기
claim-zoneinfo = 시간대 보기
claim-locale = 사용 언어 보기
claim-updated = 프로필을 마지막으로 바꾼 날 보기
claim-other = 프로필의 ‘{ $claim }’ 항목 보기

## 로그아웃

logout-title = 로그아웃할까요?
logout-lead = 이 브라우저에서 로그아웃돼요.
logout-lead-app = { $app }에서 이 브라우저의 로그아웃을 요청했어요.
logout-confirm = 로그아웃
logout-stay = 로그인 유지하기
signed-out-title = 로그아웃했어요
signed-out-lead = 함께 쓰는 컴퓨터라면 브라우저 창도 모두 닫아 주세요.
signed-out-provider = { $provider }에는 아직 로그인돼 있을 수 있어요.
sign-in-anew = 다시 로그인하기
still-signed-in-title = 로그인 상태를 유지해요
still-signed-in-lead = 달라진 것은 없어요. 이 창은 닫아도 괜찮아요.

## 돌아가기

form-post-title = 앱으로 돌아가고 있어요
form-post-lead = 브라우저에서 스크립트를 쓸 수 없어요. 버튼을 한 번만 더 눌러 주세요.

## 내 계정

account-title = 내 계정
email-verified = 확인됨
email-unverified = 확인 안 됨
devices-title = 로그인한 기기
devices-none = 로그인한 다른 기기가 없어요.
devices-end-all = 모든 기기에서 로그아웃
devices-more = 기기 더 보기
device-browser-system = { $system }의 { $browser }
device-unknown = 알 수 없는 기기
device-current = 현재 기기
device-seen = 마지막 사용
device-since = 로그인
device-address = 접속 주소
apps-title = 내 계정을 쓰는 앱
apps-none = 내 계정을 쓰는 앱이 없어요.
app-since = 허용한 날
app-remove = 접근 권한 없애기
apps-more = 앱 더 보기
linked-title = 연결한 계정
linked-none = 아직 연결한 계정이 없어요.
linked-since = 연결한 날
linked-remove = 연결 끊기
linked-only = 로그인할 수 있는 유일한 방법이라서 연결을 끊을 수 없어요.
linkable-title = 다른 계정 연결하기
linkable-add = 연결하기
link-taken = 이 { $provider } 계정은 이미 다른 계정에 연결돼 있어요.
link-cancelled = { $provider } 로그인을 취소했어요. 달라진 것은 없어요.
link-unavailable = 지금 { $provider }에 연결할 수 없어요. 달라진 것은 없어요. 잠시 뒤에 다시 시도해 주세요.
link-failed = { $provider }에서 온 응답을 확인할 수 없어요. 안전을 위해 아무것도 처리하지 않았어요. 처음부터 다시 시도해 주세요.
link-refused = 이 { $provider } 계정은 여기에서 쓸 수 없어요. 다른 계정을 연결해 주세요.
link-unknown = 이 계정은 이제 연결할 수 없어요. 달라진 것은 없어요.
link-last-way-in = 로그인할 수 있는 유일한 방법이에요. 다른 계정을 먼저 연결한 뒤에 끊어 주세요.
password-current = 현재 비밀번호
password-new = 새 비밀번호
password-hint = 서로 관계없는 단어 몇 개를 이으면 좋아요. 바꾸면 다른 기기에서는 로그아웃돼요.
password-submit = 비밀번호 바꾸기
password-none = 비밀번호가 없는 계정이에요.
password-wrong-current = 현재 비밀번호가 맞지 않아요.
password-missing-current = 현재 비밀번호를 입력해 주세요.
password-missing-new = 새 비밀번호를 입력해 주세요.
password-too-short = { $least }자 이상으로 정해 주세요.
password-too-easy = 다른 사람이 짐작하기 쉬운 비밀번호예요. 단어를 한두 개 더 붙여 보세요.
password-breached = 다른 곳에서 유출된 적이 있어 공격에 먼저 쓰이는 비밀번호예요. 다른 비밀번호를 정해 주세요.
password-same-as-old = 지금 쓰는 비밀번호와 같아요. 다른 비밀번호를 정해 주세요.
password-too-long = 비밀번호가 너무 길어요. 더 짧게 정해 주세요.
notice-password-changed = 비밀번호를 바꿨어요. 다른 기기에서는 로그아웃됐어요.
notice-device-signed-out = 기기에서 로그아웃했어요.
notice-app-removed = 앱의 접근 권한을 없앴어요.
notice-provider-linked = 계정을 연결했어요. 이제 이 계정으로도 로그인할 수 있어요.
notice-provider-unlinked = 계정 연결을 끊었어요. 이제 그 계정으로는 로그인할 수 없어요.
notice-confirmed = 본인 확인을 마쳤어요. 이제 로그인 방법을 바꿀 수 있어요.
notice-codes-removed = 인증 앱을 해제했어요. 인증 앱의 코드와 복구 코드는 더 이상 쓸 수 없어요.
others-title = 이 브라우저의 다른 계정

## 두 번째 인증

second-factor-title = 한 단계 더 확인할게요
second-factor-lead = 인증 앱에 나오는 코드를 입력해 주세요.
second-factor-lead-app = { $app }에서 인증 앱의 코드를 확인해 달라고 해요.
second-factor-lead-other = 본인인지 더 확실하게 확인해야 해요.
second-factor-code = 코드
second-factor-missing = 인증 앱에 나오는 숫자 여섯 자리를 입력해 주세요.
second-factor-wrong = 맞지 않거나 이미 쓴 코드예요. 다음 코드가 나오면 다시 입력해 주세요.
second-factor-remember = 이 브라우저에서는 30일 동안 묻지 않기
second-factor-recovery = 인증 기기가 없어요
second-factor-recovery-code = 복구 코드
second-factor-recovery-missing = 복구 코드를 하나 입력해 주세요.
second-factor-recovery-wrong = 복구 코드가 아니거나 이미 쓴 코드예요.
second-factor-skip = 건너뛰고 계속하기
set-up-factor-title = 인증 앱을 설정해 주세요
set-up-factor-lead = 휴대전화의 인증 앱으로 이 코드를 스캔하면 30초마다 새로운 숫자 여섯 자리가 나와요.
set-up-factor-qr = 인증 앱에 등록할 키가 담긴 QR 코드
set-up-factor-key = 스캔할 수 없으면 이 키를 앱에 입력해 주세요.
set-up-factor-code = 앱에 나오는 코드
set-up-factor-confirm = 사용 시작하기
recovery-codes-title = 복구 코드를 저장해 주세요
recovery-codes-lead = 휴대전화를 잃어버리면 이 코드로 로그인할 수 있어요. 코드마다 한 번씩 쓸 수 있어요.
recovery-codes-once = 다시 볼 수 없으니 인쇄하거나 비밀번호 관리자에 저장해 두세요.
recovery-codes-saved = 저장했어요

## 문제가 생겼을 때

error-code = 코드:
error-unknown-client = 등록되지 않은 앱이에요
error-unknown-client-advice = 앱으로 돌아가서 처음부터 다시 시도해 주세요. 같은 문제가 또 생기면 앱 운영자에게 알려 주세요.
error-invalid-redirect-uri = 앱이 보낸 주소가 올바르지 않아요
error-invalid-redirect-uri-advice = 안전을 위해 앱이 등록하지 않은 주소(redirect_uri)로는 보내 드리지 않아요. 앱 운영자에게 알려 주세요.
error-invalid-request = 앱의 요청을 이해할 수 없어요
error-invalid-request-advice = 앱으로 돌아가서 처음부터 다시 시도해 주세요. 같은 문제가 또 생기면 앱 운영자에게 알려 주세요.
error-unknown = 더 이상 쓸 수 없는 링크예요
error-unknown-advice = 이미 끝났거나 시간이 너무 지났을 수 있어요. 앱으로 돌아가서 다시 시작하거나 내 계정을 열어 주세요.
error-expired = 너무 오래된 화면이에요
error-expired-advice = 화면을 연 지 오래됐어요. 앱으로 돌아가서 처음부터 다시 시도해 주세요.
error-finished = 이미 끝난 로그인이에요
error-finished-advice = 뒤로 가기를 눌렀거나 예전 탭에서 열었을 수 있어요. 앱으로 돌아가서 계속해 주세요.
error-forbidden = 이 사이트의 화면에서 보낸 요청이 아니에요
error-forbidden-advice = 안전을 위해 아무것도 처리하지 않았어요. 앱으로 돌아가서 처음부터 다시 시도해 주세요.
error-invalid-logout = 앱의 로그아웃 요청을 이해할 수 없어요
error-invalid-logout-advice = 달라진 것은 없어요. 로그아웃은 내 계정에서 할 수 있어요.
error-not-found = 찾는 화면이 없어요
error-not-found-advice = 주소가 잘못됐을 수 있어요. 앱으로 돌아가서 처음부터 다시 시도해 주세요.
error-method-not-allowed = 이 방법으로는 열 수 없는 화면이에요
error-method-not-allowed-advice = 앱으로 돌아가서 처음부터 다시 시도해 주세요.
error-too-large = 보낸 내용이 너무 커요
error-too-large-advice = 받을 수 있는 크기를 넘었어요. 앱으로 돌아가서 처음부터 다시 시도해 주세요.
error-unavailable = 지금은 응답할 수 없어요
error-unavailable-advice = 진행하던 내용은 그대로예요. 잠시 뒤에 다시 시도해 주세요.
error-internal = 저희 쪽에 문제가 생겼어요
error-internal-advice = 잠시 뒤에 다시 시도해 주세요. 같은 문제가 또 생기면 언제 그랬는지 알려 주세요.
error-wrong-browser = 다른 브라우저에서 연 화면이에요
error-wrong-browser-advice = 이 로그인은 다른 브라우저에서 시작됐어요. 시작한 브라우저로 돌아가거나, 쿠키를 허용하고 앱에서 다시 시작해 주세요.
error-unknown-provider = 이 로그인 방법은 쓸 수 없어요
error-unknown-provider-advice = 처음부터 다시 시작해서 다른 방법으로 로그인해 주세요.

## 패스키

passkey = 패스키
passkeys-title = 패스키
passkeys-lead = 패스키가 있으면 지문, 얼굴 또는 기기의 PIN으로 로그인해요. 웹사이트에서 도난당할 일이 없어요.
passkey-name = 이름
passkey-rename = 이름 저장
passkey-remove = 삭제
passkey-add = 패스키 추가
passkey-synced = 함께 쓰는 모든 기기에서 사용 가능
passkey-bound = 이 기기나 보안 키에서만 사용 가능
passkey-since = 추가한 때
passkey-used = 마지막 사용
passkey-only = 유일한 로그인 방법이라 삭제할 수 없어요.
passkey-many = 패스키가 가득 찼어요. 하나를 삭제하면 새로 추가할 수 있어요.
passkey-not-made = 패스키를 추가하지 못했어요. 다시 시도해 주세요.
passkey-known = 이 기기에는 이 계정의 패스키가 이미 있어요.
notice-passkey-added = 패스키를 추가했어요. 이제 패스키로 로그인할 수 있어요.
notice-passkey-renamed = 이름을 저장했어요.
notice-passkey-removed = 패스키를 삭제했어요. 패스키가 저장된 기기에서도 지울 수 있어요.

## 메일

mail-confirm = 주소 확인하기
mail-code = 또는 시작한 브라우저에 이 코드를 입력해 주세요.
mail-until = { $time }까지 쓸 수 있어요.
mail-ignore = 직접 요청하지 않았다면 이 메일을 무시해 주세요. 아무 일도 일어나지 않아요.
mail-device = 기기: { $device }
mail-place = 위치: { $place }
mail-not-you = 직접 한 일이 아니라면 바로 계정을 되찾아 주세요. 로그인 화면의 비밀번호 찾기를 이용하면 돼요.
mail-test-subject = { $service } 시험 메일
mail-test-lead = { $service }에서 보낸 메일이 이 주소로 잘 도착해요.
mail-sign-up-subject = { $service } 가입에 쓸 주소를 확인해 주세요
mail-sign-up-lead = 이 주소로 { $service } 계정을 만들려는 요청이 있었어요.
mail-sign-up-existing-subject = { $service } 계정이 이미 있어요
mail-sign-up-existing-lead = 이 주소로 { $service } 계정을 만들려는 요청이 있었어요. 이 주소로 만든 계정이 이미 있어요.
mail-sign-up-existing-advice = 그 계정으로 로그인해 주세요. 비밀번호를 잊었다면 로그인 화면의 비밀번호 찾기를 이용해 주세요.
mail-invitation-subject = { $service }에 초대합니다
mail-invitation-lead = { $service } 계정을 만들 수 있게 초대받았어요.
mail-invitation-submit = 계정 만들기
mail-invitation-ignore = 계정을 만들고 싶지 않다면 이 메일을 무시해 주세요.
mail-recovery-subject = { $service } 계정을 되찾아 주세요
mail-recovery-lead = { $service }에 로그인할 수 없다는 요청이 있었어요. 이 링크에서 새 로그인 방법을 정할 수 있어요.
mail-recovery-submit = 계정 되찾기
mail-recovery-ignore = 직접 요청하지 않았다면 이 메일을 무시해 주세요. 계정은 그대로예요.
mail-sign-in-code-subject = { $service } 로그인 코드
mail-sign-in-code-lead = 로그인하려는 브라우저에 이 코드를 입력해 주세요.
mail-sign-in-code-ignore = 이 코드는 누구에게도 알려 주지 마세요. 로그인하려던 것이 아니라면 이 메일을 무시해 주세요.
mail-new-address-subject = { $service } 계정의 새 주소를 확인해 주세요
mail-new-address-lead = 이 주소를 { $service } 계정의 새 주소로 쓰려는 요청이 있었어요.
mail-address-changed-subject = { $service } 계정의 주소가 바뀌었어요
mail-address-changed-lead = 이제 계정의 주소는 { $address }이에요.
mail-address-changed-advice = 직접 바꾸지 않았다면 되돌려 주세요. 계정의 주소가 이 주소로 돌아오고, 그 뒤에 로그인한 기기는 모두 로그아웃돼요.
mail-address-changed-undo = 되돌리기
mail-method-subject = { $service } 계정이 바뀌었어요
mail-password-changed = 계정의 비밀번호가 바뀌었어요.
mail-password-recovered = 메일로 받은 링크로 계정의 비밀번호를 새로 정했어요.
mail-passkey-added = 계정에 패스키가 추가됐어요.
mail-passkey-removed = 계정에서 패스키가 삭제됐어요.
mail-one-time-codes-added = 인증 앱의 코드로 로그인을 보호하기 시작했어요.
mail-one-time-codes-removed = 인증 앱의 코드로 로그인을 보호하던 설정이 꺼졌어요.
mail-recovery-codes-renewed = 계정의 복구 코드를 새로 만들었어요. 예전 코드는 이제 쓸 수 없어요.
mail-provider-connected = 계정에 다른 서비스의 로그인이 연결됐어요.
mail-provider-disconnected = 계정에서 다른 서비스의 로그인 연결이 끊어졌어요.
mail-recovery-codes-subject = { $service } 복구 코드가 얼마 남지 않았어요
mail-recovery-codes-lead = 계정의 복구 코드가 { $left }개 남았어요.
mail-recovery-codes-advice = 로그인하지 못하게 되는 일이 없도록 내 계정에서 새로 만들어 주세요.
mail-new-device-subject = { $service }에 새로운 로그인이 있었어요
mail-new-device-lead = 새로운 기기에서 { $service } 계정에 로그인했어요.
mail-deletion-subject = { $service } 계정이 곧 삭제돼요
mail-deletion-lead = 계정이 { $time }에 삭제돼요.
mail-deletion-undo = 계정을 계속 쓰고 싶다면 그 전에 로그인해서 취소해 주세요.
mail-deleted-subject = { $service } 계정이 삭제됐어요
mail-deleted-lead = { $service } 계정과 계정에 딸린 모든 것이 삭제됐어요.
