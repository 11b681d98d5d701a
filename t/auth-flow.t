# SPDX-License-Identifier: Apache-2.0
# The ways in: standalone for staff and for patients, from the product, and for programs without a user;
# what the tokens give, how they are renewed, looked into and ended.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use Test::More;

my $t = FHIR::Test->new;
my $w = world($t);
my ($staff, $patients) = @$w{ qw(staff patients) };

# ---- staff ----
{
    my ($token) = $w->launch(
        $staff, 'conf', 'clinician',
        'launch/patient openid fhirUser offline_access patient/*.rs user/Practitioner.read',
        find    => 'amara OKAFOR',
        patient => 'p1');
    is($token->{ patient }, 'p1', 'the patient that was chosen');
    is( $token->{ scope },
        'openid fhirUser launch/patient patient/*.rs user/Practitioner.read offline_access' =~
            s/^openid fhirUser launch\/patient/launch\/patient openid fhirUser/r,
        'all scopes');
    is($token->{ expires_in }, 3600, 'an hour');
    my %h = bearer($token->{ access_token });
    is($t->get('/fhir/r4/Patient/p1', %h)->status,               200,     'the patient can be read');
    is($t->get('/fhir/r4/Patient/p2', %h)->status,               404,     'another one is not there');
    is(join(' ', sort $t->get('/fhir/r4/Observation', %h)->ids), 'l1 o1', 'records of the patient alone');
    is($t->get('/fhir/r4/Practitioner/doc', %h)->status,         200,     'the user can be read');
    my $write = $t->put('/fhir/r4/Patient/p1', { resourceType => 'Patient', id => 'p1' }, %h, 'If-Match' => 'W/"1"');
    is_outcome($write, 403, 'forbidden', qr/update Patient/, 'nothing can be written');
    like(
        $write->header('WWW-Authenticate'),
        qr{^Bearer error="insufficient_scope", error_description="[^"]*", scope="},
        '  with the scope that would do');
    is($t->get('/open/r4/Patient/p1', %h)->status, 401, 'the token is for one endpoint');
    my $next =
        $w->form($staff, 'token', [ grant_type => 'refresh_token', refresh_token => $token->{ refresh_token } ],
        $w->basic)->json;
    ok($next->{ access_token }, 'a refresh');
    is($next->{ patient }, 'p1', '  keeps the patient');
    isnt($next->{ refresh_token }, $token->{ refresh_token }, '  and gives a new refresh token');
    my $few =
        $w->form($staff, 'token',
        [ grant_type => 'refresh_token', refresh_token => $next->{ refresh_token }, scope => 'patient/Patient.r' ],
        $w->basic)->json;
    is($few->{ scope },                                                         'patient/Patient.r', 'fewer scopes');
    is($t->get('/fhir/r4/Observation', bearer($few->{ access_token }))->status, 403,                 '  are fewer');
    my $looked = $w->form($staff, 'introspect', [ token => $token->{ access_token } ], $w->basic)->json;
    is($looked->{ active }, JSON::PP::true, 'introspection');
    is( $looked->{ $_ },
        {   patient   => 'p1',
            client_id => 'conf',
            scope     => $token->{ scope },
            iss       => $staff,
            fhirUser  => "$staff/Practitioner/doc" }->{ $_ },
        "  $_") for qw(patient client_id scope iss fhirUser);
    is($w->form($staff, 'introspect', [ token => 'nothing' ], $w->basic)->body, '{"active":false}', '  of nothing');
    is($t->get("/fhir/r4/auth/userinfo", %h)->json->{ fhirUser }, "$staff/Practitioner/doc",        'userinfo');
    is($w->form($staff, 'revoke', [ token => $few->{ refresh_token } ], $w->basic)->status,
        200, 'revocation of a refresh token');
    my $gone = $t->get('/fhir/r4/Patient/p1', %h);
    is($gone->status, 401, '  ends its access tokens at once');
    like($gone->header('WWW-Authenticate'), qr/invalid_token.*revoked by the app/, '  and tells who did it');
    is( $w->form(
            $staff,                                                                      'token',
            [ grant_type => 'refresh_token', refresh_token => $few->{ refresh_token } ], $w->basic)->json->{ error },
        'invalid_grant',
        '  and itself');
}
{
    my ($token) = $w->launch($staff, 'pub', 'clinician', 'user/Patient.rs user/Observation.s');
    ok(!exists $token->{ patient },       'no patient is chosen unless it is asked');
    ok(!exists $token->{ refresh_token }, 'no refresh token either');
    is(join(' ', sort $t->get('/fhir/r4/Patient', bearer($token->{ access_token }))->ids),
        'dead p1 p2', 'all patients');
}

# ---- consent ----
{
    my $base = 'http://terminology.hl7.org/CodeSystem/observation-category';
    my ($token) = $w->launch(
        $staff, 'conf', 'clinician', 'launch/patient patient/Patient.rs patient/Observation.rs patient/Condition.rs',
        find    => '3/21/1970',
        patient => 'p1',
        scopes  => [ 'patient/Patient.rs', "patient/Observation.rs?category=$base|vital-signs" ]);
    is( $token->{ scope },
        "launch/patient patient/Patient.rs patient/Observation.rs?category=$base|vital-signs",
        'what was switched off is not granted, a part of a type is');
    is(join(' ', $t->get('/fhir/r4/Observation?patient=p1', bearer($token->{ access_token }))->ids),
        'o1', '  and that part alone is seen');
    is($t->get('/fhir/r4/Condition?patient=p1', bearer($token->{ access_token }))->status,
        403, '  a type that was refused is not');
    is($t->psql(q{SELECT client, error, received, expected, description FROM main.fhir_refusal
            WHERE error = 'scope-fewer' ORDER BY at DESC LIMIT 1}), join('|', 'conf', 'scope-fewer',
            'launch/patient patient/Patient.rs patient/Observation.rs patient/Condition.rs', $token->{ scope },
            qq{Fewer scopes than asked: the person left "$token->{scope}"}),
        '  which its developer can read');
}

{
    # an app that asks for a whole type: each part of it that US Core names can be agreed to by itself
    my (undef, undef, undef, $page) = $w->code($staff, 'conf', 'clinician',
        'launch/patient patient/Observation.rs patient/Condition.rs', find => 'A-1001', patient => 'p1', stop => 1);
    my $shown = FHIR::Test::Browser::unescape($page->body);
    my ($hl7, $core) = ('http://terminology.hl7.org/CodeSystem/', 'http://hl7.org/fhir/us/core/CodeSystem/');
    like($shown, qr/value="patient\/\Q$_\E"/, "offered: $_")
        for (map { "Condition.rs?category=${hl7}condition-category|$_" } qw(encounter-diagnosis problem-list-item)),
        "Condition.rs?category=${core}condition-category|health-concern",
        (map { "Observation.rs?category=${hl7}observation-category|$_" }
            qw(laboratory social-history survey vital-signs)),
        map { "Observation.rs?category=${core}us-core-category|$_" } qw(clinical-test sdoh);
}
{
    # by POST, with a part of the request in the address
    my ($request) = $w->request($staff, 'conf', 'user/Patient.rs');
    my %query = map { $_ => delete $request->{$_} } qw(aud state);
    my $answer = $w->browser->post("$staff/auth/authorize?" . FHIR::Test::Browser::query(%query), [%$request]);
    is($answer->status, 303, 'a request by POST is one by GET');
    is_deeply({ FHIR::Test::Browser::params($answer->header('Location')) }, { %query, %$request },
        '  with the parameters of its address');
}

# ---- patients ----
{
    my ($token) = $w->launch($patients, 'pub', 'amara',
        'launch/patient openid fhirUser patient/*.read offline_access user/*.read');
    is($token->{ patient }, 'p1', 'a patient is its own');
    is($t->psql(q{SELECT count(*) FROM main.fhir_refusal WHERE client = 'pub'}), 0, '  and nothing was taken away');
    $w->launch($patients, 'pub', 'amara', 'launch/patient patient/Patient.rs patient/Patience.rs system/Patient.rs');
    is($t->psql(q{SELECT description FROM main.fhir_refusal WHERE client = 'pub' ORDER BY at DESC LIMIT 1}),
        'Fewer scopes than asked: not known here: patient/Patience.rs: there is no such resource type; '
            . 'this way to sign in left "launch/patient patient/Patient.rs"',
        'what is not known and what people cannot give is told');
    is(join(' ', sort $t->get('/open/r4/Patient', bearer($token->{ access_token }))->ids),
        'p1', '  also with user scopes');
    my ($proxy) = $w->launch($patients, 'pub', 'both', 'launch/patient patient/*.read', patient => 'p2');
    is($proxy->{ patient }, 'p2', 'a proxy chooses for whom');
    is(join(' ', sort $t->get('/open/r4/Observation', bearer($proxy->{ access_token }))->ids),
        'l2 o2', '  and sees that patient alone');
    my $late = FHIR::Test::Browser->new($t);
    my (undef, $challenge) = FHIR::Test::Browser::pkce();
    my $page = $late->authorize(
        $patients,
        {   response_type         => 'code',
            client_id             => 'pub',
            redirect_uri          => $FHIR::Test::Auth::CALLBACK,
            scope                 => 'launch/patient patient/*.rs',
            aud                   => $patients,
            code_challenge        => $challenge,
            code_challenge_method => 'S256' },
        user     => 'late',
        password => $FHIR::Test::Auth::PASSWORD);
    is($page->status, 403, 'an account whose patient died') or diag($page->body);
    like($page->body, qr/patient who died/,    '  is told so');
    like($page->body, qr/error=access_denied/, '  and may go back to the app');
}

# ---- from the product ----
{
    my $url = $w->ctl(
        'launch', '--app',       'conf', '--base',   $staff,         '--patient',
        'p1',     '--encounter', 'e1',   '--intent', 'order-review', '--user',
        'clinician');
    my %given = FHIR::Test::Browser::params($url);
    is($given{ iss }, $staff, 'a launch URL has iss');
    my ($token) = $w->launch(
        $staff, 'conf', 'clinician',
        'launch openid fhirUser patient/*.rs',
        params => { launch => $given{ launch } });
    is($token->{ $_ }, { patient => 'p1', encounter => 'e1', intent => 'order-review' }->{ $_ }, "the token's $_")
        for qw(patient encounter intent);
    ok($token->{ need_patient_banner }, '  need_patient_banner');
    is($t->get($token->{ smart_style_url })->json->{ font_family_body }, 'system-ui, sans-serif',
        '  smart_style_url');
    my $again  = FHIR::Test::Browser->new($t);
    my $answer = $again->get(
        "$staff/auth/authorize?"
            . FHIR::Test::Browser::query(
            response_type => 'code',
            client_id     => 'conf',
            redirect_uri  => $FHIR::Test::Auth::CALLBACK,
            scope         => 'launch patient/*.rs',
            aud           => $staff,
            launch        => $given{ launch }));
    like($answer->header('Location'), qr/error=invalid_request.*launch%20was%20used/, 'a launch is used once');
}

# ---- programs ----
for my $scope ('system/Patient.read', 'system/Observation.rs system/Patient.r') {
    my $token = $w->backend($scope);
    is($token->status,               200,    "a backend service: $scope") or diag($token->body);
    is($token->json->{ scope },      $scope, '  its scopes');
    is($token->json->{ expires_in }, 300,    '  five minutes');
    ok(!exists $token->json->{ refresh_token }, '  no refresh token');
    is($t->get('/fhir/r4/Patient/p2', bearer($token->json->{ access_token }))->status, 200, '  any patient');
}

# ---- the same, by other ways that the protocol has ----
{
    # the request as a form; aud with a slash at its end
    my ($request, $verifier) = $w->request($staff, 'conf', 'user/Patient.rs', aud => "$staff/");
    my $browser = $w->browser;
    my $answer  = $browser->post("$staff/auth/authorize", [ %$request ]);
    is($answer->status, 303, 'an authorization request by POST');
    like($browser->follow($answer)->body, qr/value="sign-in"/, '  is one by GET');
    $browser->sign_in('clinician', $FHIR::Test::Auth::PASSWORD);
    my %back  = FHIR::Test::Browser::params($browser->press([ _step => 'consent' ])->header('Location'));
    my $token = $w->redeem($staff, 'conf', $back{ code }, $verifier);
    is($token->status, 200, '  and leads to a token') or diag($token->body);
    like($token->header('Cache-Control'), qr/no-store/, '  which is not kept');
    is($token->header('Pragma'), 'no-cache', '  nor by old caches');
    is($token->json->{ token_type }, 'Bearer', '  token_type');
}
{
    # a code that is past its time; form_post
    my ($back, $verifier) = $w->code($staff, 'conf', 'clinician', 'user/Patient.rs');
    $t->psql("UPDATE main.fhir_code SET expires = now() - interval '1 second' WHERE redeemed IS NULL");
    my $late = $w->redeem($staff, 'conf', $back->{ code }, $verifier);
    is($late->status . $late->json->{ error }, '400invalid_grant', 'a code after its minute');
    like($late->json->{ error_description }, qr/expired: it is valid for 60 seconds/, '  told');
    my (undef, undef, undef, $page) =
        $w->code($staff, 'conf', 'clinician', 'user/Patient.rs', params => { response_mode => 'form_post' });
    is($page->status, 200, 'form_post: a page');
    like($page->body, qr{<form method="post" action="\Q$FHIR::Test::Auth::CALLBACK\E"}, '  that posts to the app');
    like($page->body, qr/name="$_" value="[^"]+"/, "  its $_") for qw(code state iss);
}
{
    # refresh tokens live by the licence, independent of the access token, and each use prolongs
    my ($token) = $w->launch($staff, 'conf', 'clinician', 'user/*.rs offline_access');
    cmp_ok($token->{ refresh_expires_in }, '>=', 90 * 86400, 'a refresh token lives for three months or more');
    $t->psql("UPDATE main.fhir_token SET expires = now() - interval '1 hour' WHERE kind = 'access';
        UPDATE main.fhir_token SET expires = now() + interval '1 minute' WHERE kind = 'refresh'");
    my @form = (grant_type => 'refresh_token', refresh_token => $token->{ refresh_token });
    is($w->form($staff, 'token', [ @form, scope => 'user/*.rs offline_access' ], $w->basic)->json->{ scope },
        'user/*.rs offline_access', 'a refresh with the same scopes, after the access token\'s end');
    cmp_ok($t->psql("SELECT max(extract(epoch FROM expires - now())) FROM main.fhir_token WHERE kind = 'refresh'"),
        '>', 90 * 86400, '  for three months more');
    is($w->form($staff, 'token', [ @form, scope => 'user/*.rs system/*.rs' ], $w->basic)->json->{ error },
        'invalid_scope', '  with more');
}
{
    # who may look into which tokens
    my ($secret) = $w->ctl(qw(app add Gateway --id gateway --introspect --licence --redirect https://g.example/)) =~
        /client_secret\t(\S+)/;
    my ($public) = $w->launch($staff, 'pub', 'clinician', 'launch/patient openid patient/*.rs',
        find => 'A-1001', patient => 'p1');
    my ($own) = $w->launch($staff, 'conf', 'clinician', 'user/*.rs');
    my @token = ([ token => $public->{ access_token } ]);
    my @gateway = (Authorization => FHIR::Test::Browser::basic('gateway', $secret));
    my $looked  = $w->form($staff, 'introspect', @token, @gateway)->json;
    is($looked->{ client_id }, 'pub', 'an app with that right looks into tokens of others');
    is($looked->{ $_ }, $public->{ $_ }, "  their $_") for qw(scope patient);
    like($looked->{ exp }, qr/^\d+$/, '  exp is a whole number');
    is($w->form($staff, 'introspect', @token, $w->basic)->body, '{"active":false}', 'others do not');
    for my $call (qw(introspect revoke)) {
        my $answer = $w->form($staff, $call, @token);
        is($answer->status, 401, "  nor does who shows nothing: $call");
        is($answer->json->{ error }, 'invalid_client', '    and the error says that it has to authenticate');
    }
    is($w->form($staff, 'introspect', [ token => $own->{ access_token } ], bearer($own->{ access_token }))
            ->json->{ client_id }, 'conf', 'an access token is a way to ask, too');
    is($w->form($staff, 'introspect', @token, bearer('unknown'))->status, 401, '  if it is one');
    is($w->form($staff, 'revoke', [ token => 'unknown' ], $w->basic)->status, 200, 'revocation of an unknown token');
    is($w->form($staff, 'revoke', @token, $w->basic)->status, 200, "  and of another app's");
    is($t->get('/fhir/r4/Patient/p1', bearer($public->{ access_token }))->status, 200, '    which still lives');
    is($w->form($patients, 'introspect', @token, @gateway)->body, '{"active":false}', 'another endpoint knows nothing');
}

# ---- a person ends what it granted ----
{
    my ($token, $browser) = $w->launch($patients, 'pub', 'amara', 'launch/patient patient/Patient.rs offline_access');
    my %h = bearer($token->{ access_token });
    is($t->get('/open/r4/Patient/p1', %h)->status, 200, 'before');
    my $page = $browser->get("$patients/auth/manage");
    like($page->body, qr/<h2>Public/, 'the page of granted apps');
    my @ids = $page->body =~ /name="_authorization" value="(\d+)"/g;
    for my $id (@ids) { $browser->press([ _step => 'end' ], _authorization => $id) }
    is($t->get('/open/r4/Patient/p1', %h)->status, 401, 'ended at once');
    is( $w->form($patients, 'token',
            [ grant_type => 'refresh_token', client_id => 'pub', refresh_token => $token->{ refresh_token } ])
            ->status,
        400,
        'the refresh token, too');
}

# ---- nothing secret in a log ----
unlike($t->log_text, qr/\Q$FHIR::Test::Auth::PASSWORD\E|\Q$w->{secret}\E/, 'no password, no secret in the log');

$t->done;
