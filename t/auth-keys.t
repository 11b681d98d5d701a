# SPDX-License-Identifier: Apache-2.0
# Keys: of applications, given or fetched from where they say; of the server, while one replaces the other. The
# product's back channel and signing out, over HTTP. And TLS: a site with mod_ssl, and one behind a proxy.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::System qw(free_port run work_dir write_file);
use MIME::Base64       qw(decode_base64url encode_base64url);
use Test::More;

my $json  = JSON::PP->new->canonical;
my $tls   = free_port();
my $files = work_dir() . '/web';
mkdir $files;
chmod 0755, work_dir(), $files;
my $made = run(
    {}, 'openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=127.0.0.1', '-keyout',
    work_dir() . '/tls.key', '-out', work_dir() . '/tls.pem');
die $made->{ err } if $made->{ status };
my $directory = work_dir();
my $endpoint  = "FHIREndpoint R4 provider\nFHIRInteractions read search";
my $t         = FHIR::Test->new(
    modules   => [ qw(alias dir mime remoteip ssl socache_shmcb) ],
    endpoints => <<"CONF",
<Location "/fhir/r4">
    $endpoint
</Location>
<Location "/open/r4">
    FHIREndpoint R4 patient
</Location>
<Location "/near/r4">
    $endpoint
    FHIRFetchPrivate On
    FHIRCORSOrigins any
</Location>
<Location "/public/r4">
    $endpoint
    FHIRBaseURL https://fhir.example.org/api/r4
    FHIRCORSOrigins https://one.example https://two.example:8443
</Location>
CONF
    conf => <<"CONF");
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
TypesConfig /dev/null
Alias /keys/ $files/
<Location /keys>
    Require all granted
    ForceType application/json
</Location>
<Location /keys/short.json>
    Header set Cache-Control "no-store"
</Location>
<Location /keys/long.json>
    Header set Cache-Control "public, max-age=600"
</Location>
Redirect 302 /moved.json /keys/long.json
Listen 127.0.0.1:$tls
<VirtualHost 127.0.0.1:$tls>
    ServerName 127.0.0.1
    SSLEngine On
    SSLProtocol -all +TLSv1.2 +TLSv1.3
    SSLCertificateFile "$directory/tls.pem"
    SSLCertificateKeyFile "$directory/tls.key"
</VirtualHost>
CONF
my $w     = world($t);
my $staff = $w->{ staff };
my $near  = $t->url('/near/r4');

# ---- an application's keys ----

# A pair on P-384, or RSA: ({ its public half }, PEM file).
sub pair {
    my ($name, $kid) = @_;
    my $pem  = work_dir() . "/$name.pem";
    my @make = $name =~ /^ec/ ? qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-384) : qw(-algorithm RSA);
    die unless run({}, 'openssl', 'genpkey', @make, '-out', $pem)->{ status } == 0;
    my $text = run({}, 'openssl', 'pkey', '-in', $pem, '-pubout', '-outform', 'DER')->{ out };
    return ({ kty => 'EC', crv => 'P-384', kid => $kid, use => 'sig',
            x => encode_base64url(substr $text, -96, 48), y => encode_base64url(substr $text, -48) }, $pem)
        if $name =~ /^ec/;
    my ($modulus) = run({}, 'openssl', 'rsa', '-in', $pem, '-noout', '-modulus')->{ out } =~ /=(\w+)/;
    return ({ kty => 'RSA', kid => $kid, use => 'sig', e => 'AQAB', n => encode_base64url(pack 'H*', $modulus) }, $pem);
}
sub publish { my ($name, @keys) = @_; return write_file("$files/$name", $json->encode({ keys => \@keys })) }

sub ask {
    my ($base, $id, $pem, %header) = @_;
    return $w->form(
        $base, 'token',
        [   grant_type            => 'client_credentials',
            scope                 => 'system/Patient.rs',
            client_assertion_type => 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
            client_assertion      => FHIR::Test::Browser::assertion($id, "$base/auth/token", $pem, header => \%header)
        ]);
}
my ($ec,  $ec_pem)  = pair('ec',  'ec1');
my ($rsa, $rsa_pem) = pair('rsa', 'rsa1');
publish('given.json', $ec, $rsa);
$w->ctl(qw(app add Given --id given --backend --licence --jwks), "$files/given.json");
is(ask($staff, 'given', $ec_pem, alg => 'ES384', kid => 'ec1')->status, 200, 'ES384, the key by its kid');
is(ask($staff, 'given', $ec_pem, alg => 'ES384')->status, 200, 'without kid, by its kind');
is(ask($staff, 'given', $rsa_pem, kid => 'rsa1')->status, 200, 'RS384 of the same set');
is(ask($staff, 'given', $rsa_pem, kid => 'ec1')->status, 401, 'the kid of another kind of key');


sub by_url {
    my ($id, $url) = @_;
    return $w->ctl(qw(app add), $id, '--id', $id, qw(--backend --licence --jwks-url), $url);
}
my $local = $t->url('/keys/');
publish($_, $ec) for qw(long.json short.json);
by_url('long',  "${local}long.json");
by_url('short', "${local}short.json");
by_url('here', "https://127.0.0.1:$tls/keys/long.json");
by_url('moved', $t->url('/moved.json'));
by_url('gone',  "${local}gone.json");
write_file("$files/text.json", 'no JSON');
by_url('text', "${local}text.json");
write_file("$files/large.json", '{"keys":[],"x":"' . 'x' x 70_000 . '"}');
by_url('large', "${local}large.json");
for (
    [ $staff, 'long',  qr/must be an https URL/,  'http' ],
    [ $staff, 'here',  qr/private address/, 'a loopback address is not fetched from' ],
    [ $near,  'moved', qr/answers 302/,     'nor is a redirect followed' ],
    [ $near,  'gone',  qr/answers 404/,     'there is none' ],
    [ $near,  'text',  qr/could not be fetched: \S/, 'no JSON' ],
    [ $near,  'large', qr/larger than 64 KB/,        'too large' ]
) {
    my ($base, $id, $why, $what) = @$_;
    my $answer = ask($base, $id, $ec_pem, alg => 'ES384', kid => 'ec1');
    is($answer->status, 401, "a key set by URL: $what") or diag($answer->body);
    is($answer->json->{ error }, 'invalid_client', '  invalid_client');
    like($answer->json->{ error_description }, $why, '  and why');
}
sub fetched { return $t->psql("SELECT count(*) FROM main.fhir_client_jwks WHERE client = '$_[0]' AND expires > now()") }
is(ask($near, $_, $ec_pem, alg => 'ES384', kid => 'ec1')->status, 200, "fetched: $_") for qw(long short);
is(fetched('long'),  1, 'kept as long as Cache-Control allows');
is(fetched('short'), 0, '  or not');
my ($second, $second_pem) = pair('ec-second', 'ec2');
publish($_, $second) for qw(long.json short.json);
is(ask($near, 'short', $second_pem, alg => 'ES384', kid => 'ec2')->status, 200, 'what is not kept is fetched anew');
is(ask($near, 'short', $ec_pem,     alg => 'ES384', kid => 'ec1')->status, 401, '  and the old key is worth nothing');
is(ask($near, 'long', $ec_pem, alg => 'ES384', kid => 'ec1')->status, 200, 'what is kept is not asked for');
$t->psql("UPDATE main.fhir_client_jwks SET fetched = now() - interval '2 minutes' WHERE client = 'long'");
is(ask($near, 'long', $second_pem, alg => 'ES384', kid => 'ec2')->status, 200, '  but for a key that is new');

# ---- the server's keys ----

my $id_scopes = 'openid fhirUser user/Patient.rs';
sub header_of { my ($head) = split /\./, $_[ 0 ]; return $json->decode(decode_base64url($head)) }
sub claims_of { my (undef, $claims) = split /\./, $_[ 0 ]; return $json->decode(decode_base64url($claims)) }
sub kids { return sort map { $_->{ kid } } @{ $t->get("$staff/auth/keys")->json->{ keys } } }

sub verifies {
    my ($token) = @_;
    my ($head, $claims, $signature) = split /\./, $token;
    my ($key)  = grep { $_->{ kid } eq header_of($token)->{ kid } } @{ $t->get("$staff/auth/keys")->json->{ keys } };
    return 'no such key' unless $key;
    return 'a private member' if grep { exists $key->{ $_ } } qw(d p q dp dq qi);
    my $hex = sub { unpack 'H*', decode_base64url($_[ 0 ]) };
    my $der = write_file(
        work_dir() . '/key.cnf',
        "asn1=SEQUENCE:k\n[k]\na=SEQUENCE:r\nk=BITWRAP,SEQUENCE:n\n[r]\no=OID:rsaEncryption\np=NULL\n"
            . "[n]\nn=INTEGER:0x" . $hex->($key->{ n }) . "\ne=INTEGER:0x" . $hex->($key->{ e }) . "\n");
    my $work = work_dir();
    run({}, 'openssl', 'asn1parse', '-genconf', $der, '-noout', '-out', "$work/key.der");
    run({}, 'openssl', 'pkey', '-pubin', '-inform', 'DER', '-in', "$work/key.der", '-out', "$work/key.pub");
    write_file("$work/signed", "$head.$claims");
    write_file("$work/signature", decode_base64url($signature));
    return run({}, 'openssl', 'dgst', '-sha256', '-verify', "$work/key.pub", '-signature', "$work/signature",
        "$work/signed")->{ out } =~ s/\s+\z//r;
}
my ($old, $browser) = $w->launch($staff, 'conf', 'clinician', $id_scopes);
my $first = header_of($old->{ id_token });
is($first->{ alg }, 'RS256', 'an id_token is RS256');
is(verifies($old->{ id_token }), 'Verified OK', '  and verifies by the published key');
is_deeply(
    [ @{ claims_of($old->{ id_token }) }{ qw(iss aud fhirUser) } ],
    [ $staff, 'conf', "$staff/Practitioner/doc" ],
    '  its claims');
my $next = $w->ctl('key', 'add', '--in', '1h');
is_deeply([ kids() ], [ sort $first->{ kid }, $next ], 'a new key is published before it signs');
my ($same) = $w->launch($staff, 'conf', 'clinician', $id_scopes);
is(header_of($same->{ id_token })->{ kid }, $first->{ kid }, '  while the old one signs');
$t->psql("UPDATE main.fhir_signing_key SET active = now() - interval '1 minute' WHERE kid = '$next';
    UPDATE main.fhir_signing_key SET retired = now() - interval '1 minute' WHERE kid <> '$next'");
my ($new) = $w->launch($staff, 'conf', 'clinician', $id_scopes);
is(header_of($new->{ id_token })->{ kid }, $next, 'then it signs');
is(verifies($_->{ id_token }), 'Verified OK', '  and both verify') for $old, $new;
$t->psql("UPDATE main.fhir_signing_key SET retired = now() - interval '25 hours' WHERE kid <> '$next'");
is_deeply([ kids() ], [ $next ], 'a day later the old one is gone');
my $es = $w->ctl('key', 'add', '--alg', 'ES384');
is(scalar(grep { $_->{ kid } eq $es and $_->{ crv } eq 'P-384' } @{ $t->get("$staff/auth/keys")->json->{ keys } }),
    1, 'a key on P-384 beside it');
my ($both) = $w->launch($staff, 'conf', 'clinician', $id_scopes);
is(header_of($both->{ id_token })->{ alg }, 'RS256', '  what all clients take signs on');

# ---- signing out ----

sub out { my (%query) = @_; return "$staff/auth/logout?" . FHIR::Test::Browser::query(%query) }
{
    my $callback = $FHIR::Test::Auth::CALLBACK;
    my ($token, $b) = $w->launch($staff, 'conf', 'clinician', "$id_scopes online_access");
    my $signed = sub { $b->get("$staff/auth/manage")->body !~ /value="sign-in"/ };
    ok($signed->(), 'signed in');
    my $page = $b->get(out());
    like($page->body, qr/value="logout"/, 'without a hint the person is asked');
    ok($signed->(), '  and stays signed in until then');
    is($b->post(out(), [ _step => 'logout' ])->status, 400, '  a forged form does nothing');
    $page = $b->get(out(id_token_hint => $token->{ id_token }, post_logout_redirect_uri => 'https://evil.example/'));
    is($page->header('Location'), undef, 'an address that is not registered is not gone to');
    ok(!$signed->(), '  but the person is signed out');
    (undef, $b) = $w->launch($staff, 'conf', 'clinician', $id_scopes);
    my $answer = $b->get(out(id_token_hint => $token->{ id_token }, post_logout_redirect_uri => $callback,
            state => 'a b'));
    is($answer->status, 303, 'with an id_token of its own');
    is($answer->header('Location'), "$callback?state=a%20b", '  back to the app, with its state');
    ok(!$signed->(), '  signed out');
    is($t->get('/fhir/r4/Patient', bearer($token->{ access_token }))->status,
        401, 'online_access ends with the session');
    is($w->form($staff, 'token', [ grant_type => 'refresh_token', refresh_token => $token->{ refresh_token } ],
            $w->basic)->status, 400, '  its refresh token, too');
    my ($other) = $w->launch($staff, 'conf', 'clinician', $id_scopes);
    (undef, $b) = $w->launch($w->{ staff }, 'pub', 'clinician', 'user/Patient.rs');
    like($b->get(out(id_token_hint => "$other->{id_token}x"))->body,
        qr/value="logout"/, 'a hint that is forged is none');
    $b->press([ _step => 'logout' ]);
    ok(!$signed->(), 'the person agreed');
}

# ---- the product's back channel ----
{
    my ($secret) = $w->ctl(qw(app add EHR --id ehr --launcher --redirect https://ehr.example/ --licence)) =~
        /client_secret\t(\S+)/;
    my @ehr  = (Authorization => FHIR::Test::Browser::basic('ehr', $secret));
    my %what = (app => 'conf', user => 'clinician', patient => 'p1', encounter => 'e1');
    my $open = sub { my (%change) = @_; return $w->form($staff, 'launch', [ %{ { %what, %change } } ], @ehr) };
    for (
        [ { app       => 'nobody' }, qr/app is 'nobody'/ ],
        [ { user      => 'nobody' }, qr/user is 'nobody'/ ],
        [ { patient   => 'none' },   qr/there is no Patient\/none/ ],
        [ { encounter => 'none' },   qr/there is no Encounter\/none/ ],
        [ { need_patient_banner => 'yes' }, qr/need_patient_banner must be true or false/ ],
        [ { fhirContext         => '{' },   qr/fhirContext is not a JSON array/ ]
    ) {
        my $answer = $open->(%{ $_->[ 0 ] });
        is($answer->status, 400, "a launch: $_->[1]");
        like($answer->json->{ error_description }, $_->[ 1 ], '  told');
    }
    like($w->form($staff, 'launch', [ %what ])->json->{ error }, qr/^invalid_/, 'a launch by nobody');
    is($w->form($staff, 'launch', [ %what ], $w->basic)->json->{ error }, 'unauthorized_client', 'by an ordinary app');
    my $context = [ { reference => 'Observation/o1', role => 'x' } ];
    my $opened  = $open->(need_patient_banner => 'false', intent => 'reconcile', tenant => 'west',
        fhirContext => $json->encode($context));
    is($opened->status, 200, 'a launch by the product') or diag($opened->body);
    is($opened->json->{ expires_in }, 600, '  for ten minutes');
    my %url = FHIR::Test::Browser::params($opened->json->{ url });
    is($url{ iss },    $staff,                      '  its URL has iss');
    is($url{ launch }, $opened->json->{ launch },   '  and launch');
    my ($token) = $w->launch($staff, 'conf', 'clinician', 'launch openid fhirUser patient/*.rs',
        params => { launch => $url{ launch } });
    is_deeply(
        { map { $_ => $token->{ $_ } } qw(patient encounter intent tenant need_patient_banner fhirContext) },
        {   patient             => 'p1',
            encounter           => 'e1',
            intent              => 'reconcile',
            tenant              => 'west',
            need_patient_banner => JSON::PP::false,
            fhirContext         => $context },
        '  and what it said is in the token\'s answer');
    my %h = bearer($token->{ access_token });
    is($t->get("/fhir/r4/$_", %h)->status, 200, "  $_ can be read") for qw(Patient/p1 Encounter/e1);
    my $late = $open->()->json->{ launch };
    $t->psql("UPDATE main.fhir_launch SET expires = now() - interval '1 second'");
    my ($request) = $w->request($staff, 'conf', 'launch patient/*.rs', launch => $late);
    like($w->browser->get("$staff/auth/authorize?" . FHIR::Test::Browser::query(%$request))->header('Location'),
        qr/error=invalid_request.*too%20old/, 'a launch that is past its time');
    $w->ctl(qw(user add second --kind staff --password-file), $w->{ file });
    my ($back) = $w->code($staff, 'conf', 'second', 'launch patient/*.rs',
        params => { launch => $open->()->json->{ launch } });
    ok(!$back->{ code }, "another user's launch is worth nothing");
}

# ---- one address, three documents ----
for my $place ('/fhir/r4', '/open/r4', '/public/r4') {
    my ($smart, $openid, $oauth) =
        map { $t->get("$place/.well-known/$_") }
        qw(smart-configuration openid-configuration oauth-authorization-server);
    for ($smart, $openid, $oauth) {
        is($_->header('Content-Type'), 'application/json', "$place: JSON");
        like($_->header('Cache-Control'), qr/^public/, '  cacheable');
    }
    my ($security) = $t->get("$place/metadata")->json->{ rest }[ 0 ]{ security };
    is($security->{ service }[ 0 ]{ coding }[ 0 ]{ code }, 'SMART-on-FHIR', '  SMART-on-FHIR');
    my ($uris) = grep { $_->{ url } =~ /oauth-uris$/ } @{ $security->{ extension } };
    my %said   = map { $_->{ url } => $_->{ valueUri } } @{ $uris->{ extension } };
    my %name   = (
        authorize  => 'authorization_endpoint',
        token      => 'token_endpoint',
        introspect => 'introspection_endpoint',
        manage     => 'management_endpoint',
        register   => 'registration_endpoint',
        revoke     => 'revocation_endpoint');
    for my $document ($smart->json, $openid->json, $oauth->json) {
        is_deeply(
            { map { exists $document->{ $name{ $_ } } ? ($_ => $document->{ $name{ $_ } }) : () } keys %name },
            \%said, '  its addresses are the CapabilityStatement\'s');
    }
    cmp_ok(scalar keys %said, '>=', 5, '  all of them');
    my $root = $place eq '/public/r4' ? 'https://fhir.example.org/api/r4' : $t->url($place);
    is(join(' ', grep { index($_, "$root/auth/") } values %said), '', "  below $root");
    is($smart->json->{ issuer }, $root, '  as is the issuer');
}

# ---- browsers of other origins ----
{
    my @cases = (
        [ '/fhir/r4',   'http://127.0.0.1:9',        'http://127.0.0.1:9', "a registered app's origin" ],
        [ '/fhir/r4',   'https://evil.example',      undef,                'another' ],
        [ '/near/r4',   'https://evil.example',      '*',                  'any' ],
        [ '/public/r4', 'https://two.example:8443',  'https://two.example:8443', 'one of a list' ],
        [ '/public/r4', 'https://two.example',       undef,                'its host with another port' ],
        [ '/public/r4', 'http://127.0.0.1:9',        undef,                'a registered one, not in the list' ]);
    for (@cases) {
        my ($place, $origin, $allowed, $what) = @$_;
        for my $path ('Patient/p1', 'auth/token') {
            my $answer = $t->request(
                OPTIONS => "$place/$path",
                headers => {
                    Origin                           => $origin,
                    'Access-Control-Request-Method'  => 'POST',
                    'Access-Control-Request-Headers' => 'authorization' });
            is($answer->header('Access-Control-Allow-Origin'), $allowed, "CORS $place: $what, $path");
            is($answer->status < 300 ? 1 : 0, 1, '  a preflight needs no token') if $allowed;
            like($answer->header('Access-Control-Allow-Headers'), qr/Authorization.*Idempotency-Key/,
                '  may send a token, and repeat a request safely') if $allowed;
        }
        my $read = $t->get("$place/Patient/p1", Origin => $origin);
        is($read->header('Access-Control-Allow-Origin'), $allowed, '  the answer to a request');
        like($read->header('Access-Control-Expose-Headers'),
            qr/ETag.*Location.*WWW-Authenticate/, '  shows its headers')
            if $allowed;
        my $public = $t->get("$place/.well-known/smart-configuration", Origin => $origin, Accept => 'text/html');
        is($public->header('Access-Control-Allow-Origin'), '*',                '  what is public is for all');
        is($public->header('Content-Type'),                'application/json', '  and JSON whatever is accepted');
    }
    my %has = map { $_ => 1 } @{ $t->get("$staff/.well-known/smart-configuration")->json->{ capabilities } };
    is(join(' ', grep { !$has{ $_ } } qw(launch-ehr launch-standalone client-public client-confidential-symmetric
                client-confidential-asymmetric sso-openid-connect context-banner context-style context-ehr-patient
                context-ehr-encounter context-standalone-patient permission-offline permission-patient
                permission-user permission-v1 permission-v2 authorize-post)),
        '', 'all capabilities that certification asks for');
}

# ---- who comes by plain HTTP from elsewhere ----
{
    my ($request) = $w->request($staff, 'conf', 'user/Patient.rs');
    my $query = FHIR::Test::Browser::query(%$request);
    my @from  = ('X-Forwarded-For' => '192.0.2.7');
    for ("$staff/auth/authorize?$query", "$staff/auth/manage") {
        my $answer = $t->get($_, @from);
        is($answer->status, 403, 'plain HTTP from elsewhere is refused') or diag($answer->body);
        like($answer->body, qr/TLS|https/i, '  and told so');
    }
    is($t->post("$staff/auth/token", 'grant_type=x', @from)->status, 403, 'so is a request for a token');
    is($t->get("$staff/.well-known/smart-configuration", @from)->status, 200, 'what is public is not');
    my $page = $t->get('/public/r4/auth/authorize?' . $query, @from);
    unlike($page->body, qr/TLS/, 'behind a proxy that ends TLS it is taken, by FHIRBaseURL');
}

# ---- a site with TLS ----
{
    my $base = "https://127.0.0.1:$tls/fhir/r4";
    my $curl = sub {
        my (@options) = @_;
        my $done = run({}, 'curl', '-sS', '--cacert', "$directory/tls.pem", '-D', "$directory/head", @options);
        open my $in, '<', "$directory/head" or return ('', $done->{ err });
        local $/;
        return (scalar readline($in), $done->{ out } || $done->{ err });
    };
    my ($head, $body) = $curl->("$base/.well-known/smart-configuration");
    my $smart = eval { $json->decode($body) } || {};
    is($smart->{ authorization_endpoint }, "$base/auth/authorize", 'TLS: the addresses are https') or diag($body);
    is(scalar(grep { !/^https:/ } grep { defined && /^http/ } values %$smart), 0, '  all of them');
    my ($request) = $w->request($base, 'conf', 'user/Patient.rs');
    ($head, $body) = $curl->("$base/auth/authorize?" . FHIR::Test::Browser::query(%$request));
    like($head, qr{^HTTP/\S+ 200}, '  a sign-in page');
    like($head, qr/Set-Cookie: __Secure-\S+;.*Secure; HttpOnly; SameSite=Lax/i, '  a secure cookie');
    ($head, $body) = $curl->(
        "$base/auth/token",                                         '--data-urlencode',
        'scope=system/Patient.rs',                                  '-d',
        'grant_type=client_credentials',                            '-d',
        'client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer', '-d',
        'client_assertion=' . FHIR::Test::Browser::assertion('back', "$base/auth/token", $w->{ key }));
    my $token = eval { $json->decode($body) } || {};
    ok($token->{ access_token }, '  a token for an assertion to the https address') or diag($body);
    ($head, $body) = $curl->('-H', "Authorization: Bearer $token->{access_token}", "$base/Patient/p1");
    like($head, qr{^HTTP/\S+ 200}, '  with which a patient is read');
    for ([ '1.2', 1 ], [ '1.3', 1 ], [ '1.1', 0 ]) {
        my ($version, $works) = @$_;
        my $done = run({}, 'curl', '-sS', '--cacert', "$directory/tls.pem", "--tlsv$version", '--tls-max', $version,
            '-o', '/dev/null', "$base/metadata");
        is($done->{ status } == 0 ? 1 : 0, $works, "  TLS $version: " . ($works ? 'taken' : 'refused'));
    }
}

unlike($t->log_text, qr/\Q$w->{secret}\E|\Q$FHIR::Test::Auth::PASSWORD\E/, 'no secret in the log');
$t->allow_log(qr/AH01906|AH01873|AH02008/);
$t->done;
