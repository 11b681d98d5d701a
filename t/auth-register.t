# SPDX-License-Identifier: Apache-2.0
# Registration by protocol (RFC 7591, RFC 7592): who may, what is taken and what is refused with which error, what the
# practice sees of it, reading, changing and removing what was registered, and the limits.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::Browser;
use FHIR::Test::System qw(run work_dir write_file);
use JSON::PP ();
use Test::More;

my $t = FHIR::Test->new(endpoints => <<'CONF');
FHIRPracticeName "Lakeside Practice"
FHIRLoginAttempts 50
<Location "/fhir/r4">
    FHIREndpoint R4 provider
    FHIRRegistration token
</Location>
<Location "/open/r4">
    FHIREndpoint R4 patient
    FHIRRegistration open
    FHIRRegistrationsMax 3
</Location>
<Location "/off/r4">
    FHIREndpoint R4 provider
</Location>
CONF
my $w    = world($t);
my $base = $w->{staff};
my ($token) = $w->ctl('registration', 'token', 'CI', '--uses', 4) =~ /^initial_access_token\t(\S+)/;
ok($token, 'fhirctl makes an initial access token');
my %good = (client_name => 'Growth Chart', redirect_uris => ['https://app.example/cb'],
    scope => 'launch/patient patient/*.rs nonsense', policy_uri => 'https://app.example/privacy',
    contacts => ['dev@app.example'], software_id => 'growth', software_version => '2');

sub register {
    my ($place, $metadata, %headers) = @_;
    return $t->post("$place/auth/register", $metadata, 'Content-Type' => 'application/json', %headers);
}

sub refused {
    my ($answer, $status, $error, $text, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($answer->status, $status, "$name: $status") or diag($answer->body);
    my $json = $answer->json;
    is($json->{error}, $error, "  $error");
    like($json->{error_description}, $text, '  says what is wrong');
    like($json->{error_uri}, qr{/auth/help#[\w-]+$}, '  and where more is told');
    return;
}

# ---- where it is, and who may ----
for my $place ('/fhir/r4', '/open/r4') {
    my $url = $t->url("$place/auth/register");
    is($t->get("$place/.well-known/$_")->json->{registration_endpoint}, $url, "$place: $_ names it")
        for qw(smart-configuration openid-configuration oauth-authorization-server);
    like($t->get("$place/metadata")->body, qr/"register","valueUri":"\Q$url\E"/, '  as does the CapabilityStatement');
}
unlike($t->get("/off/r4/.well-known/smart-configuration")->body . $t->get('/off/r4/metadata')->body,
    qr/auth\/register/, 'off: nothing names it');
refused(register('/off/r4', \%good), 403, 'invalid_request', qr/do not register by protocol/, 'off');
refused(register('/fhir/r4', \%good), 401, 'invalid_token', qr/initial access token/, 'without a token');
refused(register('/fhir/r4', \%good, bearer('wrong')), 401, 'invalid_token', qr/unknown/, 'a wrong one');
like(register('/fhir/r4', \%good)->header('WWW-Authenticate'), qr/^Bearer error="invalid_token"/,
    '  as RFC 6750 has it');

# ---- what is refused: nothing is stored, and no use of the token is lost ----
my @bad = (
    [ 'no redirect_uris', { redirect_uris => undef }, 'invalid_redirect_uri', qr/is missing/ ],
    [ 'http', { redirect_uris => ['http://app.example/cb'] }, 'invalid_redirect_uri', qr{http://app.example/cb} ],
    [ 'loopback of a confidential one', { redirect_uris => ['http://127.0.0.1/cb'] }, 'invalid_redirect_uri',
        qr/is not public/ ],
    [ 'javascript:', { redirect_uris => ['javascript:alert(1)'] }, 'invalid_redirect_uri', qr/browsers open its/ ],
    [ 'a fragment', { redirect_uris => ['https://app.example/#x'] }, 'invalid_redirect_uri', qr/fragment/ ],
    [ 'no array', { redirect_uris => 'https://app.example/cb' }, 'invalid_client_metadata', qr/array of strings/ ],
    [ 'a number', { client_name => 5 }, 'invalid_client_metadata', qr/client_name: it is a string/ ],
    [ 'a long name', { client_name => 'x' x 101 }, 'invalid_client_metadata', qr/at most 100 bytes/ ],
    [ 'a method', { token_endpoint_auth_method => 'tls_client_auth' }, 'invalid_client_metadata', qr/tls_client_auth/ ],
    [ 'a grant', { grant_types => ['implicit'] }, 'invalid_client_metadata', qr/"implicit"|'implicit'/ ],
    [ 'refresh alone', { grant_types => ['refresh_token'] }, 'invalid_client_metadata', qr/authorization_code or/ ],
    [ 'a response type', { response_types => ['token'] }, 'invalid_client_metadata', qr/it is code/ ],
    [ 'a public backend', { grant_types => ['client_credentials'], token_endpoint_auth_method => 'none' },
        'invalid_client_metadata', qr/authenticates/ ],
    [ 'no key', { token_endpoint_auth_method => 'private_key_jwt' }, 'invalid_client_metadata', qr/needs jwks/ ],
    [ 'a private key', { jwks => { keys => [ { kty => 'RSA', n => 'AQAB', e => 'AQAB', d => 'x' } ] } },
        'invalid_client_metadata', qr/private/ ],
    [ 'both keys', { jwks => { keys => [] }, jwks_uri => 'https://app.example/k' }, 'invalid_client_metadata',
        qr/exclude each other/ ],
    [ 'keys of our network', { jwks_uri => 'https://127.0.0.1:1/keys' }, 'invalid_client_metadata',
        qr/private address/ ],
    [ 'a logo by data:', { logo_uri => 'data:image/svg+xml,<svg/>' }, 'invalid_client_metadata', qr/logo_uri/ ],
    [ 'no scope', { scope => 'nonsense' }, 'invalid_client_metadata', qr/none of its words/ ],
    [ 'no JWT', { software_statement => 'x' }, 'invalid_software_statement', qr/three parts/ ],
);
for (@bad) {
    my ($name, $more, $error, $text) = @$_;
    my %metadata = (%good, %$more);
    delete @metadata{ grep { !defined $metadata{$_} } keys %metadata };
    refused(register('/fhir/r4', \%metadata, bearer($token)), 400, $error, $text, $name);
}
refused(register('/fhir/r4', '[]', bearer($token)), 400, 'invalid_client_metadata', qr/no JSON object/, 'an array');
refused(register('/fhir/r4', '{"a":1,"a":2}', bearer($token)), 400, 'invalid_client_metadata', qr/JSON/,
    'twice a name');
refused(register('/fhir/r4', 'a=b', bearer($token), 'Content-Type' => 'application/x-www-form-urlencoded'), 400,
    'invalid_client_metadata', qr/application\/json/, 'a form');
refused(register('/fhir/r4', { %good, junk => 'x' x 140_000 }, bearer($token)), 413, 'invalid_request', qr/longer/,
    'much');
is($t->psql('SELECT count(*) FROM main.fhir_registration'), 0, 'nothing of it is stored');
is($t->psql('SELECT uses_left FROM main.fhir_registration_token'), 4, '  and the token has all its uses');

# ---- registering ----
my $made = register('/fhir/r4', \%good, bearer($token));
is($made->status, 201, 'registered') or diag($made->body);
like($made->header('Cache-Control'), qr/no-store/, '  kept by nobody');
my $app = $made->json;
like($app->{client_id}, qr/^[\w-]{16}$/, '  client_id');
like($app->{client_secret}, qr/^[\w-]{43}$/, '  client_secret');
is($app->{client_secret_expires_at}, 0, '  which does not expire');
is($app->{registration_client_uri}, "$base/auth/register/$app->{client_id}", '  where it is managed');
is_deeply({ map { $_ => $app->{$_} } qw(client_name redirect_uris policy_uri contacts software_id software_version
        token_endpoint_auth_method grant_types response_types scope) },
    { %good, token_endpoint_auth_method => 'client_secret_basic', grant_types => ['authorization_code'],
        response_types => ['code'], scope => 'launch/patient patient/*.rs' }, '  what is registered is answered');
is($t->psql("SELECT state FROM main.fhir_licence WHERE client = '$app->{client_id}'"), 'asked',
    'it waits for the practice');
sub use_it {
    my ($secret) = @_;
    my ($back, $verifier) = $w->code($base, $app->{client_id}, 'clinician', 'launch/patient patient/*.rs',
        params => { redirect_uri => 'https://app.example/cb' }, find => 'amara', patient => 'p1');
    return $w->form($base, 'token', [ grant_type => 'authorization_code', code => $back->{code} // '',
            redirect_uri => 'https://app.example/cb', code_verifier => $verifier ],
        Authorization => FHIR::Test::Browser::basic($app->{client_id}, $secret));
}
isnt(use_it($app->{client_secret})->status, 200, '  and gets nothing before');
$w->ctl('licence', 'give', $app->{client_id}, '--for', 'staff');
is(use_it($app->{client_secret})->status, 200, '  but when it is authorized');
my $public = register('/fhir/r4', { %good, token_endpoint_auth_method => 'none',
        redirect_uris => [ 'http://127.0.0.1/cb', 'org.example.app:/cb' ] }, bearer($token))->json;
ok(!exists $public->{client_secret}, 'a public application has no secret');
is($t->psql("SELECT auth || native FROM main.fhir_client WHERE id = '$public->{client_id}'"), 'nonetrue',
    '  and any port of the loopback address');

# ---- software statements ----
{
    my $key = work_dir() . '/issuer.pem';
    $w->ctl('app', 'add', 'Key of the issuer', '--id', 'issuer', '--backend', '--key', $key);
    my $jwks = write_file(work_dir() . '/issuer.json',
        $t->psql("SELECT jwks FROM main.fhir_client WHERE id = 'issuer'"));
    $w->ctl('app', 'remove', 'issuer');
    my $sign = sub {
        return FHIR::Test::Browser::sign_jwt({ alg => 'RS384', typ => 'JWT' },
            { iss => 'https://trust.example', software_id => 'sure', client_name => 'By statement', @_ }, $key);
    };
    my $try = sub { register('/fhir/r4', { %good, software_statement => $_[ 0 ] }, bearer($token)) };
    refused($try->($sign->()), 400, 'unapproved_software_statement', qr/https:\/\/trust.example/, 'an unknown issuer');
    $w->ctl('registration', 'trust', 'https://trust.example', '--jwks', $jwks);
    refused($try->($sign->(exp => 1)), 400, 'invalid_software_statement', qr/expired/, 'an old statement');
    my @parts = split /\./, $sign->();
    $parts[ 2 ] = reverse $parts[ 2 ];
    refused($try->(join '.', @parts), 400, 'invalid_software_statement', qr/signature/, 'a forged one');
    my $done = $try->($sign->())->json;
    is_deeply([ @$done{qw(client_name software_id)} ], [ 'By statement', 'sure' ], 'its claims win');
}

# ---- RFC 7592 ----
my $place = $app->{registration_client_uri};
my @own = bearer($app->{registration_access_token});
{
    my $read = $t->get($place, @own);
    is($read->status, 200, 'read');
    is_deeply($read->json, { map { $_ => $app->{$_} } grep { !/^client_secret/ } keys %$app },
        '  all of it, but the secret, which is not kept');
    for ([ 'no token' ], [ 'another', bearer($public->{registration_access_token}) ],
        [ 'the initial one', bearer($token) ]) {
        my ($name, @headers) = @$_;
        refused($t->get($place, @headers), 401, 'invalid_token', qr/registration_access_token/, $name);
    }
    refused($t->get("$base/auth/register/nobody", @own), 401, 'invalid_token', qr/no such/, 'another client');
    is($t->post($place, {}, @own)->status, 405, 'POST is not for it');
    is($t->put("$base/auth/register", {}, bearer($token))->status, 405, '  nor PUT for registering');
}
sub change {
    return $t->put($place, { %good, client_id => $app->{client_id}, @_ }, 'Content-Type' => 'application/json', @own);
}
{
    refused(change(client_id => 'x'), 400, 'invalid_client_metadata', qr/client_id/, 'a change of the id');
    refused(change(registration_access_token => 'x'), 400, 'invalid_client_metadata', qr/server's/, 'of its token');
    refused(change(client_secret => 'mine'), 400, 'invalid_client_metadata', qr/does not choose/, 'of its secret');
    refused(change(redirect_uris => ['http://x/']), 400, 'invalid_redirect_uri', qr{http://x/}, 'to a bad callback');
    my $changed = change(client_name => 'Other', redirect_uris => ['https://app.example/new'], contacts => undef,
        client_secret => $app->{client_secret});
    is($changed->status, 200, 'changed') or diag($changed->body);
    is_deeply([ @{ $changed->json }{qw(client_name redirect_uris)} ], [ 'Other', ['https://app.example/new'] ],
        '  it is');
    is($t->psql("SELECT array_length(contacts, 1) FROM main.fhir_registration WHERE client = '$app->{client_id}'"), '',
        '  what is left out is gone');
    is($t->psql("SELECT state FROM main.fhir_licence WHERE client = '$app->{client_id}'"), 'given',
        '  and it stays authorized');
    like($t->psql("SELECT string_agg(state, ' ' ORDER BY id) FROM main.fhir_licence_event WHERE client = "
            . "'$app->{client_id}'"), qr/^asked given changed$/, '  the history tells');
    is(change(token_endpoint_auth_method => 'none', redirect_uris => ['https://app.example/cb'])->status, 200,
        'another way to authenticate');
    is($t->psql("SELECT state FROM main.fhir_licence WHERE client = '$app->{client_id}'"), 'asked',
        '  waits for the practice again');
}
is($t->delete($place, @own)->status, 204, 'removed');
is($t->get($place, @own)->status, 401, '  and gone');
is($t->psql("SELECT count(*) FROM main.fhir_client WHERE id = '$app->{client_id}'"), 0, '  from the database');
like($t->psql("SELECT string_agg(state, ' ' ORDER BY id) FROM main.fhir_licence_event WHERE client = "
        . "'$app->{client_id}'"), qr/removed$/, '  but not from the history');

# ---- limits ----
{
    my $last = register('/fhir/r4', \%good, bearer($token));
    is($last->status, 201, 'the last use of the token') or diag($last->body);
    refused(register('/fhir/r4', \%good, bearer($token)), 401, 'invalid_token', qr/as often/, 'one more');
    $t->psql("UPDATE main.fhir_licence SET state = 'refused' WHERE state = 'asked'");
    my @open = map { register('/open/r4', { %good, client_name => "Open $_" })->status } 1 .. 4;
    is("@open", '201 201 201 503', 'open: as many as may wait');
    like($t->log_text, qr/FHIR0730: client \S+ was registered by protocol from 127\.0\.0\.1/, 'the log tells');
    unlike($t->log_text, qr/\Q$token\E|\Q$app->{registration_access_token}\E|\Q$app->{client_secret}\E/, '  no secret');
    $t->psql("UPDATE main.fhir_attempt SET failures = 300, last = now()");
    my $paused = register('/open/r4', \%good);
    refused($paused, 429, 'invalid_request', qr/too often/, 'a flood');
    ok($paused->header('Retry-After'), '  says when to try again');
}
like($w->ctl('registration', 'list'), qr/^\w{16}\tCI\t.*\t0\t/m, 'fhirctl lists the tokens');
$w->ctl('registration', 'end', $w->ctl('registration', 'list') =~ /^(\w{16})/);
is($w->ctl('registration', 'list'), '', '  and ends them');

$t->done;
