# SPDX-License-Identifier: Apache-2.0
# Attacks on the authorization server (RFC 9700 and neighbours), one check each: they are refused, and nothing
# is given away.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::System qw(run work_dir write_file);
use MIME::Base64       qw(decode_base64url encode_base64url);
use Test::More;

my $t = FHIR::Test->new(conf => "FHIRLoginAttempts 3\n");
my $w = world($t);
my ($staff, $patients) = @$w{ qw(staff patients) };
my $callback = $FHIR::Test::Auth::CALLBACK;
sub ask {
    my ($base, $client, %change) = @_;
    my ($request) = $w->request($base, $client, 'user/Patient.rs', %change);
    return "$base/auth/authorize?" . FHIR::Test::Browser::query(%$request);
}

# ---- redirect URIs: letter by letter ----
for my $uri (
    "$callback/",                               "$callback?x=1",
    "${callback}x",                             'http://127.0.0.1:9/callback/../x',
    'http://127.0.0.1:9/x/../callback',         'http://127.0.0.1:10/callback',
    'http://127.0.0.1/callback',                'http://u@127.0.0.1:9/callback',
    'http://127.0.0.1:9@evil.example/callback', "$callback#x",
    'http://127.0.0.1:9/Callback',              'HTTP://127.0.0.1:9/callback',
    'http://127.0.0.1:9/%63allback',            'http://localhost:9/callback',
    'https://127.0.0.1:9/callback',             'javascript:alert(1)',
    "$callback\n"
) {
    my $answer = $w->browser->get(ask($staff, 'conf', redirect_uri => $uri));
    is($answer->status . ($answer->header('Location') // ''), '400', "redirect URI $uri: a page, no redirect");
}
for my $uri (
    'javascript:alert(1)',      'data:text/html,x',   'http://app.example/cb', 'https://app.example/cb#x',
    'https://u:p@app.example/', 'https://*.example/', 'file:///x',             'app:x',
    '/cb'
) {
    is($t->fhirctl('app', 'add', 'X', '--redirect', $uri)->{ status }, 2, "$uri cannot be registered");
}
$w->ctl(
    'app',                   'add',        'Native',              '--id',
    'native',                '--public',   '--native',            '--redirect',
    'http://127.0.0.1:1/cb', '--redirect', 'org.example.app:/cb', '--licence');
is($w->browser->get(ask($staff, 'native', redirect_uri => "http://127.0.0.1:$_/cb"))->status,
    200, "a native app's loopback port $_")
    for 1, 51234;
is($w->browser->get(ask($staff, 'native', redirect_uri => 'http://127.0.0.1:51234/other'))->status,
    400, 'but not another path');

# ---- pages ----
{
    my $page = $w->browser->get(ask($staff, 'conf'));
    like($page->header('Content-Security-Policy'), qr/frame-ancestors 'none'/, 'no framing');
    unlike($page->header('Content-Security-Policy'), qr/unsafe/, 'no inline script');
    is($page->header('X-Frame-Options'), 'DENY',        'nor in old browsers');
    is($page->header('Referrer-Policy'), 'no-referrer', 'no Referer');
    like($page->header('Cache-Control'), qr/no-store/, 'not kept');
    like(
        $page->header('Set-Cookie'),
        qr{^__Secure-fhir=[\w-]{43}; Path=/fhir/r4/auth; Secure; HttpOnly; SameSite=Lax$},
        'the cookie');
    unlike($page->body, qr/<script|onclick|style=/, 'no script in the page');
    my $evil = $w->browser->get(ask($staff, 'conf', state => '"><script>alert(1)</script>', client_id => '<b>x</b>'));
    unlike($evil->body, qr/<script>|<b>x/, 'what comes from outside is escaped');
}

# ---- forged forms ----
{
    my $browser = $w->browser;
    my $url     = ask($staff, 'conf');
    $browser->get($url);
    my @in = (user => 'clinician', password => $FHIR::Test::Auth::PASSWORD, _step => 'sign-in');
    is($browser->post($url, \@in)->status,                          400, 'sign-in without the word');
    is($w->browser->post($url, [ _word => 'x' x 43, @in ])->status, 400, '  from another browser');
    my ($word) = $browser->get($url)->body =~ /name="_word" value="([^"]+)"/;
    is($browser->post(ask($staff, 'conf', scope => 'user/*.cruds'), [ _word => $word, @in ])->status,
        400, '  for another request');
    is($browser->post($url, [ _word => $word, @in ], 'Sec-Fetch-Site' => 'cross-site')->status,
        400, '  from another site');
    my $before = { %{ $browser->{ cookies } } };
    my $answer = $browser->post($url, [ _word => $word, @in ]);
    is($answer->status, 303, 'the right one: 303, so that the password is not sent again');
    isnt(
        $browser->{ cookies }{ '__Secure-fhir' },
        $before->{ '__Secure-fhir' },
        '  and a new cookie: no session fixation');
    my $fixed = $w->browser;
    $fixed->{ cookies } = $before;
    like($fixed->get($url)->body, qr/value="sign-in"/, '  the old one is worth nothing');
    my $page = $browser->get($url);
    is($browser->post($url, [ _step => 'consent', scope => 'user/Patient.rs' ])->status,
        400, 'consent without the word');
    $page = $browser->get($url);
    my $wider =
        $browser->press([ _step => 'consent' ], scope => [ 'user/*.cruds', 'system/*.cruds', 'user/Patient.rs' ]);
    my %back = FHIR::Test::Browser::params($wider->header('Location'));
    is($t->psql("SELECT scopes FROM main.fhir_authorization ORDER BY id DESC LIMIT 1"),
        'user/Patient.rs', 'consent grants no more than was offered');
    $browser->get($url);
    my $no = $browser->press([ _step => 'cancel' ]);
    like($no->header('Location'), qr/error=access_denied.*state=st%26te/, 'no: access_denied, with the state');
    is( FHIR::Test::Browser->new($t)
            ->get("$patients/auth/manage", Cookie => "__Secure-fhir=$browser->{cookies}{'__Secure-fhir'}")->body =~
            /value="sign-in"/ ? 1 : 0,
        1,
        "a session of staff is none at the patients' endpoint");
}

# ---- codes ----
{
    my ($back, $verifier) = $w->code($staff, 'conf', 'clinician', 'user/Patient.rs offline_access');
    my $first = $w->redeem($staff, 'conf', $back->{ code }, $verifier);
    is($first->status,                                                          200,             'a code');
    is($w->redeem($staff, 'conf', $back->{ code }, $verifier)->json->{ error }, 'invalid_grant', '  twice');
    is($t->get('/fhir/r4/Patient', bearer($first->json->{ access_token }))->status, 401,
        '  ends what the first gave');
    my ($plain) = $w->code($staff, 'conf', 'clinician', 'user/Patient.rs',
        params => { code_challenge => undef, code_challenge_method => undef });
    is( $w->redeem($staff, 'conf', $plain->{ code }, 'x' x 43)->json->{ error_description },
        'code_verifier is present, but the authorization request had no code_challenge',
        'PKCE downgrade');
    ($back, $verifier) = $w->code($staff, 'conf', 'clinician', 'user/Patient.rs');
    my (undef, $challenge) = FHIR::Test::Browser::pkce();
    is($w->redeem($staff, 'conf', $back->{ code }, $challenge)->status, 400, 'the challenge is no verifier');
    is($w->redeem($staff, 'conf', $back->{ code }, '')->status,         400, 'nor is nothing');
    is( $w->form(
            $patients,
            'token',
            [   grant_type    => 'authorization_code',
                code          => $back->{ code },
                redirect_uri  => $callback,
                code_verifier => $verifier ],
            $w->basic)->status,
        400,
        'a code of one endpoint is unknown to another');
}

# ---- refresh tokens ----
{
    my ($token) = $w->launch($staff, 'conf', 'clinician', 'user/Patient.rs offline_access');
    my $refresh = sub {
        return $w->form($staff, 'token', [ grant_type => 'refresh_token', refresh_token => $_[ 0 ], @_[ 1 .. $#_ ] ],
            $w->basic);
    };
    is($refresh->($token->{ refresh_token }, scope => 'user/Patient.cruds')->json->{ error },
        'invalid_scope', 'no more scopes');
    is( $w->form($staff, 'token',
            [ grant_type => 'refresh_token', refresh_token => $token->{ refresh_token }, client_id => 'pub' ])
            ->json->{ error },
        'invalid_grant',
        'by another app');
    my $next = $refresh->($token->{ refresh_token })->json;
    is($refresh->($token->{ refresh_token })->status, 200, 'parallel use in the first seconds');
    $t->psql("UPDATE main.fhir_token SET replaced = now() - interval '1 minute' WHERE replaced IS NOT NULL");
    is($refresh->($token->{ refresh_token })->json->{ error }, 'invalid_grant',   'an old one later');
    is($refresh->($next->{ refresh_token })->json->{ error },  'invalid_grant',   '  ends the newest, too');
    is($t->get('/fhir/r4/Patient', bearer($next->{ access_token }))->status, 401, '  and its access tokens');
}

# ---- JWTs ----
{
    my $json   = JSON::PP->new->canonical;
    my %claims = (iss => 'back', sub => 'back', aud => "$staff/auth/token", exp => time + 200, jti => 'attack');
    my $send   = sub {
        return $w->form(
            $staff, 'token',
            [   grant_type            => 'client_credentials',
                scope                 => 'system/*.rs',
                client_id             => 'back',
                client_assertion_type => 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
                client_assertion      => $_[ 0 ] ]);
    };
    my $make = sub {
        return join '.', (map { encode_base64url($json->encode($_)) } $_[ 0 ], \%claims), encode_base64url($_[ 1 ]);
    };
    is($send->($make->({ alg => 'none' }, ''))->status,  401, 'alg none');
    is($send->($make->({ alg => 'none' }, 'x'))->status, 401, 'alg none with a signature');
    my $public = run({}, 'openssl', 'rsa', '-in', $w->{ key }, '-pubout')->{ out };
    require Digest::SHA;
    my $input = join '.', map { encode_base64url($json->encode($_)) } { alg => 'HS256' }, \%claims;
    is($send->("$input." . encode_base64url(Digest::SHA::hmac_sha256($input, $public)))->status,
        401, 'HS256 with the public key');
    is($send->(FHIR::Test::Browser::sign_jwt({ alg => 'RS384', kid => 'other' }, \%claims, $w->{ key }))->status,
        401, 'an unknown kid');
    is($send->('x' x 20_000)->status, 401, 'a large one');
    is( $send->(
            FHIR::Test::Browser::sign_jwt(
                { alg          => 'RS384' },
                { %claims, aud => [ 'https://x', "$staff/auth/token" ] },
                $w->{ key }))->status,
        200,
        'aud as an array is right');
}

# ---- scopes ----
{
    my $more = $w->backend('system/*.cruds system/Patient.c');
    is($more->json->{ scope }, 'system/*.rs', 'a backend service gets no more than it is registered for');
    is($w->backend('user/*.rs patient/*.rs launch/patient')->json->{ error },
        'invalid_scope', '  and no scopes of people');
    my $token = $w->backend('system/*.rs')->json->{ access_token };
    is( $t->put(
            '/fhir/r4/Patient/p1', { resourceType => 'Patient', id => 'p1' },
            bearer($token), 'If-Match' => 'W/"1"')->status,
        403,
        '  nor may it write');
}

# ---- guessing ----
{
    my $browser = $w->browser;
    $browser->get(ask($staff, 'conf'));
    my @said = map { $browser->sign_in(@$_)->body =~ /role="alert" id="reason">([^<]*)/ ? $1 : '' } [ 'nobody', 'x' ],
        [ 'clinician', 'x' ];
    is($said[ 0 ], $said[ 1 ], 'unknown user and wrong password are told alike');
    $browser->sign_in('clinician', 'x') for 1 .. 3;
    like(
        $browser->sign_in('clinician', $FHIR::Test::Auth::PASSWORD)->body,
        qr/too many failed attempts/,
        'after some failures even the right password waits');
    $t->psql('DELETE FROM main.fhir_attempt');
    is( $w->form(
            $staff, 'token',
            [ grant_type => 'refresh_token', refresh_token => 'x' ],
            Authorization => FHIR::Test::Browser::basic('conf', "wrong$_"))->status,
        $_ > 3 ? 429 : 401,
        "wrong secret $_") for 1 .. 4;
    $t->psql('DELETE FROM main.fhir_attempt');
}

{
    my $browser = $w->browser;
    $browser->get(ask($staff, 'conf'));
    my $tries = 0;
    while ($tries++ < 200) { last if $browser->sign_in("guess$tries", 'x')->body =~ /too many failed attempts/ }
    cmp_ok($tries, '<', 200, "an address that tries many names has to wait, after $tries");
    $t->psql('DELETE FROM main.fhir_attempt');
}

# ---- accounts ----
{
    $w->ctl('user', 'disable', 'clinician');
    my $page = $w->browser;
    $page->get(ask($staff, 'conf'));
    like($page->sign_in('clinician', $FHIR::Test::Auth::PASSWORD)->body,
        qr/disabled/, 'a disabled account is told so, once the password is right');
    like($page->sign_in('amara', $FHIR::Test::Auth::PASSWORD)->body,
        qr/for staff/, "a patient cannot come in by the staff's door");
    $w->ctl('user', 'enable', 'clinician');
    my $uri      = $w->ctl('user', 'totp', 'clinician');
    my ($secret) = $uri =~ /secret=(\w+)/;
    my $browser = $w->browser;
    $browser->get(ask($staff, 'conf'));
    like($browser->sign_in('clinician', $FHIR::Test::Auth::PASSWORD)->body,
        qr/value="factor"/, 'a second factor is asked');
    like($browser->press([ _step => 'factor' ], code => '000000')->body, qr/wrong or was used/, '  a wrong code');
    my $now = FHIR::Test::Browser::totp($secret);
    like($browser->press([ _step => 'factor' ], code => $now)->body, qr/value="consent"/, '  the right one');
    my $again = $w->browser;
    $again->get(ask($staff, 'conf'));
    $again->sign_in('clinician', $FHIR::Test::Auth::PASSWORD);
    unlike($again->press([ _step => 'factor' ], code => $now)->body, qr/value="consent"/, '  but once');
    $w->ctl('user', 'no-totp', 'clinician');
}

# ---- other practices: a token of one is worth nothing at another ----
{
    my $made = $t->fhirctl('init', '--tenant', 'other', '--role', 'fhir_server');
    my ($token) = $w->launch($staff, 'conf', 'clinician', 'user/Patient.rs');
    $t->httpd->{ endpoints } = <<'CONF';
<Location "/fhir/r4">
    FHIREndpoint R4 provider
    FHIRTenant other
</Location>
CONF
    $t->psql("GRANT USAGE ON SCHEMA other TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA other TO PUBLIC");
    $t->restart;
    my $answer = $t->get('/fhir/r4/Patient', bearer($token->{ access_token }));
    is($answer->status, 401, 'the same path, another practice: 401') or diag($made->{ err });
    like($answer->header('WWW-Authenticate'), qr/unknown/, '  the token is unknown there');
}

unlike($t->log_text, qr/\Q$FHIR::Test::Auth::PASSWORD\E|\Q$w->{secret}\E/, 'no log has a password or secret');
$t->done;
