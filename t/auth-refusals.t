# SPDX-License-Identifier: Apache-2.0
# Every refusal names the wrong value and who can change it: a table of requests, each with the status, the
# error and the words that tell. No two texts are the same, and a client's mistake is never a 5xx.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::System qw(read_file run source_dir work_dir);
use Test::More;

my $t        = FHIR::Test->new(conf => "FHIRPracticeName \"Lakeside Practice\"\n");
my $w        = world($t);
my $base     = $w->{ staff };
my $callback = $FHIR::Test::Auth::CALLBACK;
$w->ctl('app',     'add',      'Unlicensed', '--id', 'unlicensed', '--redirect', $callback);
$w->ctl('app',     'add',      'Refused',    '--id', 'refused',    '--redirect', $callback);
$w->ctl('licence', 'refuse',   'refused');
$w->ctl('app',     'add',      'Withdrawn', '--id', 'withdrawn', '--redirect', $callback, '--licence');
$w->ctl('licence', 'withdraw', 'withdrawn');
$w->ctl('app',     'add',      'Off', '--id', 'off', '--redirect', $callback, '--licence');
$w->ctl('app',     'disable',  'off');
$w->ctl('app',     'add',      'Patients', '--id',  'patients', '--redirect', $callback);
$w->ctl('licence', 'give',     'patients', '--for', 'patients');
$w->ctl('app',     'add',      'Night',    '--id',  'night', '--backend');
$w->ctl('licence', 'give',     'night');
my ($night) = $w->ctl('app', 'secret', 'night') =~ /client_secret\t(\S+)/;
my $jwt     = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
my @back    = (grant_type => 'client_credentials', scope => 'system/Patient.rs', client_assertion_type => $jwt);
my $other   = work_dir() . '/other.pem';
is(run({}, qw(openssl genrsa -out), $other, 2048)->{ status }, 0, 'a key that nobody registered');

sub assertion { return FHIR::Test::Browser::assertion('back', "$base/auth/token", @_ ? @_ : $w->{ key }) }
my $used = assertion();
is($w->form($base, 'token', [ @back, client_assertion => $used ])->status, 200, 'an assertion is used');
my @basic = $w->basic;
my ($code, $verifier) = $w->code($base, 'conf', 'clinician', 'user/Patient.rs offline_access');
my @redeem = (grant_type => 'authorization_code', redirect_uri => $callback, code => $code->{ code });
my %texts;

# What every refusal has. answer's error members; where: for people.
sub refused {
    my ($members, $status, $error, $text, $name) = @_;
    my ($got, $said) = @$members{ qw(status error_description) };
    is($got,                $status, "$name: $status") or diag($said);
    is($members->{ error }, $error,  "  $error");
    like($said,                   $text,                            '  says what is wrong');
    like($members->{ error_uri }, qr{^\Q$base\E/auth/help#[\w-]+$}, '  leads to the page about it');
    push @{ $texts{ $said } }, $name;
    return;
}

# What the developer finds under "Why was I refused?": parameter, value received (- if it is not shown), expected.
my %saw = (
    'no grant_type'              => [ 'grant_type', '', qr/client_credentials/ ],
    'password'                   => [ 'grant_type', 'password', qr/^client_credentials$/ ],
    'implicit'                   => [ 'grant_type', 'implicit', qr/refresh_token or/ ],
    'confidential client alone'  => [ 'token_endpoint_auth_method', 'none', qr/^client_secret$/ ],
    'wrong secret'               => [ 'client_secret', '-', qr/secret of the application/ ],
    'secret of a public app'     => [ 'client_secret', '-', qr/client_id alone/ ],
    'secret of an app that signs' => [ 'token_endpoint_auth_method', 'client_secret', qr/^private_key_jwt$/ ],
    'assertion of nothing'       => [ 'client_assertion', '-', qr/JWT/ ],
    'another key'                => [ 'client_assertion.kid', qr/alg RS384/, qr/registered keys/ ],
    'assertion for others'       => [ 'client_assertion.aud', 'https://x', qr{^\Q$base\E/auth/token$} ],
    'assertion of another'       => [ 'client_assertion.sub', 'pub', qr/^back$/ ],
    'old assertion'              => [ 'client_assertion.exp', qr/^\d+$/, qr/^\d+ to \d+$/ ],
    'assertion for long'         => [ 'client_assertion.exp', qr/^\d+$/, qr/^\d+ to \d+$/ ],
    'assertion without exp'      => [ 'client_assertion.exp', '', qr/^\d+ to \d+$/ ],
    'assertion to come'          => [ 'client_assertion.nbf', qr/^\d+$/, qr/^at most \d+$/ ],
    'assertion without jti'      => [ 'client_assertion.jti', '', qr/new one/ ],
    'assertion again'            => [ 'client_assertion.jti', qr/./, qr/new one/ ],
    'jku'                        => [ 'client_assertion.jku', 'https://x/keys', qr/no address/ ],
    'no code'                    => [ 'code', '', qr/redirect URI/ ],
    'unknown code'               => [ 'code', '-', qr/this endpoint gave/ ],
    "another's code"             => [ 'client_id', 'pub', qr/given to/ ],
    'no redirect_uri'            => [ 'redirect_uri', '', qr/^\Q$callback\E$/ ],
    'other redirect_uri'         => [ 'redirect_uri', "$callback/", qr/^\Q$callback\E$/ ],
    'no verifier'                => [ 'code_verifier', '', qr/digest/ ],
    'wrong verifier'             => [ 'code_verifier', '-', qr/SHA-256/ ],
    'no refresh token'           => [ 'refresh_token', '', qr/last answer/ ],
    'unknown refresh token'      => [ 'refresh_token', '-', qr/this endpoint gave/ ],
    'not registered'             => [ 'grant_type', 'client_credentials', qr/authorization_code/ ],
    'secret of a program'        => [ 'client_secret', '-', qr/client_assertion/ ],
    'no system scope'            => [ 'scope', 'patient/*.rs', qr{system/ scopes} ],
    'bad scope'                  => [ 'scope', qr{^system/}, qr/printable/ ],
    'code again'                 => [ 'code', '-', qr/not redeemed/ ],
    'response_type token'        => [ 'response_type', 'token', qr/^code$/ ],
    'response_type '             => [ 'response_type', '', qr/^code$/ ],
    'response_mode fragment'     => [ 'response_mode', 'fragment', qr/form_post/ ],
    'aud '                       => [ 'aud', '', qr/^\Q$base\E$/ ],
    'aud https://inferno.healthit.gov/invalid_aud' =>
        [ 'aud', 'https://inferno.healthit.gov/invalid_aud', qr/^\Q$base\E$/ ],
    'code_challenge_method plain' => [ 'code_challenge_method', 'plain', qr/^S256$/ ],
    'code_challenge_method '     => [ 'code_challenge_method', '', qr/^S256$/ ],
    'code_challenge short'       => [ 'code_challenge', '-', qr/43 letters/ ],
    'client_id pub'              => [ 'code_challenge', '', qr/code_verifier/ ],
    'launch x'                   => [ 'launch', '-', qr/product gave/ ],
    'scope launch patient/*.rs'  => [ 'launch', '', qr{launch/patient} ],
    "scope a\x{7f}"              => [ 'scope', qr/^a/, qr/printable/ ],
    'prompt none'                => [ 'prompt', 'none', qr/signed in/ ],
    'redirect_uri https://evil.example/' => [ 'redirect_uri', 'https://evil.example/', qr/\Q$callback\E/ ],
    'client_id patients'         => [ 'client_id', 'patients', qr/licence for staff/ ],);
$saw{$_->[ 0 ]} = [ @$_[ 1 .. 3 ] ] for (
    [ 'code past its time',       'code',          '-',              qr/seconds|redeemed|time/ ],
    [ 'code of a revoked one',    'code',          '-',              qr/in force/ ],
    [ 'refresh: another app',     'client_id',     'pub',            qr/./ ],
    [ 'refresh: wider',           'scope',         'user/*.cruds',   qr{user/Patient\.rs} ],
    [ 'refresh: malformed',       'scope',         qr/^a/,           qr/printable/ ],
    [ 'refresh: past its time',   'refresh_token', '-',              qr/expired/ ],
    [ 'refresh: replaced',        'refresh_token', '-',              qr/newest/ ],
    [ 'refresh: revoked',         'refresh_token', '-',              qr/in force/ ],
    [ 'secret past its time',     'client_secret', '-',              qr/newest secret/ ],
    [ 'no use without a user',    'client_id',     'back',           qr/without a user/ ],
    (map { [ "client_id $_", 'client_id', $_, qr/practice has authorized/ ] } qw(unlicensed refused withdrawn)),
    [ 'client_id off',            'client_id',     'off',            qr/not switched off/ ],
    [ 'no key',                   'jwks',          '',               qr/registered key set/ ],
    [ 'several redirect URIs',    'redirect_uri',  '',               qr{https://two\.example/cb} ],
    [ 'assertion missing',        'client_assertion', '',            qr/signed JWT/ ],
    [ 'no system at patients',    'aud',           qr{/open/r4$},    qr/provider endpoint/ ],
    [ 'unwanted verifier',        'code_verifier', '-',              qr/code_challenge/ ],
    [ 'method alone',             'code_challenge', '',              qr/code_challenge_method/ ],
    [ 'not for patients',         'client_id',     'staff',          qr/licence for patients/ ],
    [ 'no code grant',            'client_id',     'two',            qr/authorization_code/ ],
    [ 'consent required',         'prompt',        'none',           qr/agrees/ ],
    [ 'launch over',              'launch',        '-',              qr/not expired/ ],
    [ 'launch of another user',   'launch',        '-',              qr/user who is signed in/ ],
    [ 'launch about nobody',      'launch',        '-',              qr/patient whose record/ ],
    [ 'nothing can be granted',   'scope',         'system/*.rs',    qr/./ ],
    [ 'nothing is left',          'scope',         'user/Patient.rs', qr/does not switch off/ ],
    [ 'no record',                'user',          '-',              qr/patient's record/ ],
    [ 'denied',                   'scope',         'user/Patient.rs', qr/user who allows/ ],
    [ 'too many attempts',        'client_secret', '-',              qr/pause of \d+ seconds/ ],
    [ 'licence past its end',     'client_id',     'two',            qr/practice has authorized/ ],
    [ 'keys out of reach',        'jwks_uri',      'https://keys.invalid/jwks', qr/can be fetched/ ],
    [ 'introspection of nothing', 'token',         '',               qr/to inspect/ ],
    [ 'revocation of nothing',    'token',         '',               qr/to revoke/ ],
    [ 'userinfo without openid',  'scope',         'user/Patient.rs', qr/^openid$/ ],
    [ 'userinfo elsewhere',       'Authorization', '-',              qr/of this endpoint/ ],
    [ 'launch by an app',         'client_id',     'conf',           qr/launch others/ ],
    [ 'launch of no app',         'app',           'nobody',         qr/client_id/ ],
    [ 'launch for no user',       'user',          '-',              qr/account of this practice/ ],
    [ 'launch about no patient',  'patient',       '-',              qr/id of this server/ ],
    [ 'launch with no banner',    'need_patient_banner', 'maybe',    qr/true or false/ ],
    [ 'launch with no context',   'fhirContext',   '-',              qr/array of objects/ ],
);
my %seen;

# The row is taken out of the last minute, of which at most 20 are kept.
sub seen {
    my ($name) = @_;
    my $want = $saw{ $name } or return;
    my $row  = $t->psql("WITH r AS (UPDATE main.fhir_refusal SET at = at - interval '1 hour' WHERE at > now() - "
            . "interval '30 minutes' RETURNING *) SELECT concat_ws('|', coalesce(parameter, '-'), "
            . "coalesce(received, '-'), coalesce(expected, '-')) FROM r ORDER BY at DESC LIMIT 1");
    chomp $row;
    my ($parameter, $received, $expected) = split /[|]/, $row, 3;
    is($parameter, $want->[ 0 ], "  $name: the developer sees the parameter");
    ref $want->[ 1 ]
        ? like($received, $want->[ 1 ], '  the value received')
        : is($received, $want->[ 1 ], '  the value received');
    like($expected, $want->[ 2 ], '  the value expected');
    $seen{ $name } = 1;
    return;
}

# ---- the token endpoint and its neighbours: [form, headers, status, error, text] ----
my @form = (
    [ 'JSON',          undef,                   {}, 400, 'invalid_request', qr/Content-Type is 'application\/json'/ ],
    [ 'no grant_type', [ @redeem[ 2 .. 5 ] ],   { @basic },  400, 'invalid_request', qr/grant_type is missing/ ],
    [ 'password', [ grant_type => 'password' ], { @basic },  400, 'unsupported_grant_type', qr/client_credentials/ ],
    [ 'implicit', [ grant_type => 'implicit' ], { @basic },  400, 'unsupported_grant_type', qr/'implicit'/ ],
    [ 'twice', [ grant_type => 'x', grant_type => 'y' ], {}, 400, 'invalid_request', qr/grant_type appears more/ ],
    [ 'no client',      [ @redeem ],                        {}, 401, 'invalid_client', qr/client_id is missing/ ],
    [ 'unknown client', [ @redeem, client_id => 'nobody' ], {}, 401, 'invalid_client',  qr/'nobody'/ ],
    [ 'confidential client alone', [ @redeem, client_id => 'conf' ], {}, 401, 'invalid_client', qr/confidential/ ],
    [   'wrong secret',
        [ @redeem ],
        { Authorization => FHIR::Test::Browser::basic('conf', 'x') },
        401, 'invalid_client', qr/client_secret is not one of app Confidential/ ],
    [ 'Bearer',           [ @redeem ], { Authorization => 'Bearer x' },  401, 'invalid_client', qr/Bearer/ ],
    [ 'Digest',           [ @redeem ], { Authorization => 'Digest x' },  401, 'invalid_client', qr/neither Basic/ ],
    [ 'Basic of nothing', [ @redeem ], { Authorization => 'Basic !!!' }, 401, 'invalid_client', qr/base64/ ],
    [ 'two ways', [ @redeem, client_secret => 'x' ], { @basic }, 400, 'invalid_request', qr/two ways/ ],
    [ 'two ids',  [ @redeem, client_id => 'pub' ],   { @basic }, 400, 'invalid_request', qr/'pub' in the form/ ],
    [   'secret of a public app',
        [ @redeem, client_id => 'pub', client_secret => 'x' ],
        {}, 401, 'invalid_client', qr/public/ ],
    [   'secret of an app that signs', [ @redeem, client_id => 'back', client_secret => 'x' ],
        {},                            401,
        'invalid_client',              qr/private_key_jwt, not with client_secret/ ],
    [   'assertion type',
        [ @back[ 0 .. 3 ], client_assertion_type => 'jwt', client_assertion => 'x' ],
        {}, 400, 'invalid_request', qr/'jwt'/ ],
    [ 'no assertion', [ @back ], {}, 401, 'invalid_client', qr/client_assertion is missing/ ],
    [   'assertion of nothing',
        [ @back, client_assertion => 'x', client_id => 'back' ],
        {}, 401, 'invalid_client', qr/three parts/ ],
    [ 'another key', [ @back, client_assertion => assertion($other) ], {}, 401, 'invalid_client', qr/signature/ ],
    [   'assertion for others',
        [ @back, client_assertion => assertion($w->{ key }, claims => { aud => 'https://x' }) ],
        {}, 401, 'invalid_client', qr/aud is not/ ],
    [   'assertion of another',
        [ @back, client_assertion => assertion($w->{ key }, claims => { sub => 'pub' }) ],
        {}, 401, 'invalid_client', qr/iss and sub/ ],
    [   'old assertion',
        [ @back, client_assertion => assertion($w->{ key }, claims => { exp => time - 100 }) ],
        {}, 401, 'invalid_client', qr/expired \d+ seconds ago/ ],
    [   'assertion for long',
        [ @back, client_assertion => assertion($w->{ key }, claims => { exp => time + 3600 }) ],
        {}, 401, 'invalid_client', qr/300 is the most/ ],
    [   'assertion without exp',
        [ @back, client_assertion => assertion($w->{ key }, claims => { exp => undef }) ],
        {}, 401, 'invalid_client', qr/no exp/ ],
    [   'assertion to come',
        [ @back, client_assertion => assertion($w->{ key }, claims => { nbf => time + 200 }) ],
        {}, 401, 'invalid_client', qr/not valid yet/ ],
    [   'assertion without jti',
        [ @back, client_assertion => assertion($w->{ key }, claims => { jti => undef }) ],
        {}, 401, 'invalid_client', qr/jti is missing/ ],
    [ 'assertion again', [ @back, client_assertion => $used ], {}, 401, 'invalid_client', qr/was used before/ ],
    [   'jku', [ @back, client_assertion => assertion($w->{ key }, header => { jku => 'https://x/keys' }) ],
        {},    401, 'invalid_client', qr/jku/ ],
    [   'crit',
        [ @back, client_assertion => assertion($w->{ key }, header => { crit => [ 'x' ] }), client_id => 'back' ],
        {}, 401, 'invalid_client', qr/crit/ ],
    [ 'no code',        [ @redeem[ 0 .. 3 ] ],              { @basic }, 400, 'invalid_request', qr/code is missing/ ],
    [ 'unknown code',   [ @redeem[ 0 .. 3 ], code => 'x' ], { @basic }, 400, 'invalid_grant',   qr/code is unknown/ ],
    [ "another's code", [ @redeem, client_id => 'pub' ],    {}, 400, 'invalid_grant',   qr/another app than Public/ ],
    [ 'no redirect_uri', [ @redeem[ 0, 1, 4, 5 ] ], { @basic }, 400, 'invalid_request', qr/redirect_uri is missing/ ],
    [   'other redirect_uri',
        [ @redeem[ 0, 1, 4, 5 ], redirect_uri => "$callback/" ],
        { @basic }, 400, 'invalid_grant', qr{callback/'} ],
    [ 'no verifier',    [ @redeem ], { @basic }, 400, 'invalid_grant', qr/code_verifier is missing/ ],
    [ 'wrong verifier', [ @redeem, code_verifier => 'x' x 43 ], { @basic }, 400, 'invalid_grant', qr/belong/ ],
    [   'no refresh token',
        [ grant_type => 'refresh_token' ],
        { @basic }, 400, 'invalid_request', qr/refresh_token is m/ ],
    [   'unknown refresh token',
        [ grant_type => 'refresh_token', refresh_token => 'x' ],
        { @basic }, 400, 'invalid_grant', qr/refresh_token is unknown/ ],
    [   'not registered',
        [ grant_type => 'client_credentials', scope => 'system/*.rs' ],
        { @basic }, 400, 'unauthorized_client', qr/Confidential is not registered for grant_type client_credentials/
    ],
    [   'secret of a program',
        [   grant_type    => 'client_credentials',
            scope         => 'system/*.rs',
            client_id     => 'night',
            client_secret => $night ],
        {},
        400,
        'unauthorized_client',
        qr/needs the practice's permission/ ],
    [   'no system scope',
        [ @back[ 0, 1 ], scope => 'patient/*.rs', @back[ 4, 5 ], client_assertion => assertion() ],
        {}, 400, 'invalid_scope', qr/no system\/ scope/ ],
    [   'bad scope', [ @back[ 0, 1 ], scope => "system/*.rs\n", @back[ 4, 5 ], client_assertion => assertion() ],
        {}, 400, 'invalid_scope', qr/0x0a/ ],);
for my $row (@form) {
    my ($name, $pairs, $headers, @want) = @$row;
    my $answer =
          $pairs
        ? $w->form($base, 'token', $pairs, %$headers)
        : $t->post("$base/auth/token", {}, 'Content-Type' => 'application/json');
    my %members = (%{ $answer->json }, status => $answer->status);
    refused(\%members, @want, $name);
    seen($name);
    ok(!exists $members{ expires_in }, '  no expires_in in an error');
    like($t->log_text,                     qr/request \Q$members{request_id}\E /, '  its request is in the log');
    like($answer->header('Cache-Control'), qr/no-store/,                          '  not kept');
}
is($w->redeem($base, 'conf', $code->{ code }, $verifier)->status, 200, 'after all that the code is still good');
for ([ 'code again' => qr/redeemed before/ ]) {
    my $answer = $w->redeem($base, 'conf', $code->{ code }, $verifier);
    refused({ %{ $answer->json }, status => $answer->status }, 400, 'invalid_grant', $_->[ 1 ], $_->[ 0 ]);
    seen($_->[ 0 ]);
}
# What comes later in the life of a code, a token, a secret and a licence: as the database has it then.
sub token { my (@form) = @_; return $w->form($base, 'token', \@form, @basic) }
sub refresh { my ($token, @more) = @_; return token(grant_type => 'refresh_token', refresh_token => $token, @more) }
my $of_last = 'authorization_id = (SELECT max(id) FROM main.fhir_authorization)';
for ([ 'code past its time', "UPDATE main.fhir_code SET expires = now() - interval '9 s' WHERE $of_last" ],
    [ 'code of a revoked one', 'UPDATE main.fhir_authorization SET revoked = now() WHERE id = '
            . '(SELECT max(id) FROM main.fhir_authorization)' ]) {
    my ($later, $check) = $w->code($base, 'conf', 'clinician', 'user/Patient.rs');
    $t->psql($_->[ 1 ]);
    is($w->redeem($base, 'conf', $later->{ code }, $check)->json->{ error }, 'invalid_grant', $_->[ 0 ]);
    seen($_->[ 0 ]);
}
my ($given) = $w->launch($base, 'conf', 'clinician', 'user/Patient.rs offline_access');
my $refresh_token = $given->{ refresh_token };
my $jwks = $t->psql("SELECT jwks FROM main.fhir_client WHERE id = 'back'");
my @late = (
    [ 'refresh: another app', 'invalid_grant', sub { $w->form($base, 'token', [ grant_type => 'refresh_token',
                    refresh_token => $refresh_token, client_id => 'pub' ]) } ],
    [ 'refresh: wider',     'invalid_scope', sub { refresh($refresh_token, scope => 'user/*.cruds') } ],
    [ 'refresh: malformed', 'invalid_scope', sub { refresh($refresh_token, scope => "a\x{7f}") } ],
    [ 'secret past its time', 'invalid_client', sub { refresh($refresh_token) },
        "UPDATE main.fhir_client_secret SET expires = now() - interval '1 s' WHERE client = 'conf'",
        "UPDATE main.fhir_client_secret SET expires = NULL WHERE client = 'conf'" ],
    [ 'refresh: past its time', 'invalid_grant', sub { refresh($refresh_token) },
        "UPDATE main.fhir_token SET expires = now() - interval '1 s' WHERE kind = 'refresh' AND $of_last",
        "UPDATE main.fhir_token SET expires = now() + interval '1 day' WHERE kind = 'refresh' AND $of_last" ],
    [ 'no use without a user', 'unauthorized_client',
        sub { $w->form($base, 'token', [ @back, client_assertion => assertion() ]) },
        "UPDATE main.fhir_licence SET system = false WHERE client = 'back'",
        "UPDATE main.fhir_licence SET system = true WHERE client = 'back'" ],
    [ 'no key', 'invalid_client', sub { $w->form($base, 'token', [ @back, client_assertion => assertion() ]) },
        "UPDATE main.fhir_client SET disabled = NULL, jwks = NULL WHERE id = 'back'",
        "UPDATE main.fhir_client SET jwks = '$jwks' WHERE id = 'back'" ],
    [ 'refresh: replaced', 'invalid_grant', sub { refresh($refresh_token) },
        "UPDATE main.fhir_token SET replaced = now() - interval '1 day' WHERE kind = 'refresh' AND $of_last" ],
    [ 'refresh: revoked', 'invalid_grant', sub { refresh($refresh_token) },
        'UPDATE main.fhir_authorization SET revoked = now() WHERE id = (SELECT max(id) FROM '
            . 'main.fhir_authorization)' ],
);
for (@late) {
    my ($name, $error, $ask, $before, $after) = @$_;
    $t->psql($before) if $before;
    is($ask->()->json->{ error }, $error, $name);
    seen($name);
    $t->psql($after) if $after;
}
{
    $w->ctl('app', 'add', 'Two', '--id', 'two', '--redirect', $callback, '--redirect', 'https://two.example/cb',
        '--licence');
    my ($request) = $w->request($base, 'two', 'user/Patient.rs', redirect_uri => undef);
    is($w->browser->get("$base/auth/authorize?" . FHIR::Test::Browser::query(%$request))->status, 400,
        'several redirect URIs');
    seen('several redirect URIs');
}
my @other = (
    [ GET  => '/auth/token',                 405, 'invalid_request', qr/GET is not for auth\/token/ ],
    [ GET  => '/auth/nothing',               404, 'invalid_request', qr/nothing at auth\/nothing/ ],
    [ GET  => '/auth/userinfo',              401, 'invalid_token',   qr/needs an access token/ ],
    [ POST => '/auth/token?client_secret=x', 400, 'invalid_request', qr/client_secret is in the URL/ ],);
for my $row (@other) {
    my ($method, $path, @want) = @$row;
    my $answer = $t->request($method, "$base$path", $method eq 'POST' ? (content => '') : ());
    refused({ %{ $answer->json }, status => $answer->status }, @want, "$method $path");
}

# ---- the authorization endpoint: what the application is told, by redirect ----
my @sent = (
    [ { response_type => 'token' },    'unsupported_response_type', qr/'token'; it must be code/ ],
    [ { response_type => undef },      'unsupported_response_type', qr/''/ ],
    [ { response_mode => 'fragment' }, 'invalid_request',           qr/'fragment'/ ],
    [ { aud           => undef },      'invalid_request', qr/aud is missing; this server's FHIR base is \Q$base\E/ ],
    [ { aud => 'https://inferno.healthit.gov/invalid_aud' }, 'invalid_request', qr/invalid_aud'; this server/ ],
    [ { code_challenge_method => 'plain' },                  'invalid_request', qr/'plain'; it must be S256/ ],
    [ { code_challenge_method => undef },                    'invalid_request', qr/'plain, by default'/ ],
    [ { code_challenge        => 'short' },                  'invalid_request', qr/43 letters/ ],
    [   { client_id => 'pub', code_challenge => undef, code_challenge_method => undef },
        'invalid_request',
        qr/Public is public, and code_challenge is missing/ ],
    [ { scope  => 'launch patient/*.rs' },                'invalid_request', qr/parameter launch is missing/ ],
    [ { scope  => 'launch patient/*.rs', launch => 'x' }, 'invalid_request', qr/launch is unknown/ ],
    [ { scope  => "a\x{7f}" },                            'invalid_scope',   qr/0x7f/ ],
    [ { prompt => 'none' },                               'login_required',  qr/nobody is signed in/ ],);
for my $row (@sent) {
    my ($change, $error, $text) = @$row;
    my ($request) = $w->request($base, 'conf', 'user/Patient.rs', %$change);
    my $answer    = $w->browser->get("$base/auth/authorize?" . FHIR::Test::Browser::query(%$request));
    my %back      = FHIR::Test::Browser::params($answer->header('Location') // '');
    refused({ %back, status => $answer->status },
        303, $error, $text, join ' ', %$change{ (sort keys %$change)[ 0 ] } // '');
    my ($first) = sort keys %$change;
    seen("$first " . ($change->{ $first } // ''));
    is($back{ state }, 'st&te', '  state is kept');
    is($back{ iss },   $base,   '  iss is there');
}

# ---- what a person is shown, because it is not safe to go on, or a person can change it ----
my @shown = (
    [ { client_id    => undef },                   400, qr/client_id is missing/ ],
    [ { client_id    => 'nobody' },                401, qr/&quot;nobody&quot; is not registered here/ ],
    [ { redirect_uri => 'https://evil.example/' }, 400, qr/evil\.example\/&quot;, which is not registered/ ],
    [ { client_id => 'unlicensed' }, 400, qr/Unlicensed is registered, but Lakeside Practice has not authorized it/ ],
    [ { client_id => 'refused' },    400, qr/Lakeside Practice has refused/ ],
    [ { client_id => 'withdrawn' },  400, qr/Lakeside Practice has withdrawn/ ],
    [ { client_id => 'off' },        400, qr/switched off/ ],
    [ { client_id => 'patients' },   400, qr/not authorized app Patients for its staff/ ],);
for my $row (@shown) {
    my ($change, $status, $text) = @$row;
    my ($request) = $w->request($base, 'conf', 'user/Patient.rs', %$change);
    my $answer    = $w->browser->get("$base/auth/authorize?" . FHIR::Test::Browser::query(%$request));
    my ($name)    = %$change;
    is($answer->status, $status, "$name: a page, $status") or diag($answer->body);
    like($answer->body, $text,                                                  '  that says why');
    like($answer->body, qr{(?:practice|administrator|developer)[^<]*</strong>}, '  and who can change it');
    like($answer->body, qr{auth/help#},                                         '  and leads to more');
    is($answer->header('Location'), undef, '  without a redirect');
    my ($said) = $answer->body =~ /role="alert">([^<]*)/;
    push @{ $texts{ $said } }, $name;
    seen("$name " . ($change->{ $name } // ''));
}
{
    my ($request) = $w->request($base, 'withdrawn', 'user/Patient.rs');
    my $answer = $w->browser->get("$base/auth/authorize?" . FHIR::Test::Browser::query(%$request),
        'Accept-Language' => 'es');
    like($answer->body, qr{role="alert">El consultorio ha retirado la }, 'people read it in their language');
    like($answer->body, qr{<dd lang="en">Lakeside Practice has withdrawn}, '  the developer in English');
}
# ---- what only a sequence of requests leads to: [name, error, request], with the database as it is then ----
{
    $w->ctl('app', 'add', 'Staff', '--id', 'staff', '--redirect', $callback);
    $w->ctl('licence', 'give', 'staff', '--for', 'staff');
    $w->ctl('user', 'add', 'nurse', '--kind', 'staff', '--display', 'N. Urse', '--password-file', $w->{ file });
    my ($ehr) = $w->ctl(qw(app add EHR --id ehr --launcher --redirect https://ehr.example/ --licence))
        =~ /client_secret\t(\S+)/;
    my $launch = sub { # a launch by the product, and how the application is sent back from it
        my ($sql, $user, @more) = @_;
        my %given = FHIR::Test::Browser::params($w->ctl('launch', '--app', 'conf', '--base', $base, '--patient', 'p1',
                @more));
        $t->psql("UPDATE main.fhir_launch SET $sql") if $sql;
        my ($back, undef, undef, $answer) = $w->code($base, 'conf', $user, 'launch patient/*.rs',
            params => { launch => $given{ launch } });
        return $back->{ error } // $answer->status;
    };
    my $ask = sub {
        my ($at, $client, %more) = @_;
        my ($request) = $w->request($at, $client, 'user/Patient.rs', %more);
        my $answer = $w->browser->get("$at/auth/authorize?" . FHIR::Test::Browser::query(%$request));
        return { FHIR::Test::Browser::params($answer->header('Location') // '') }->{ error } // $answer->status;
    };
    my $error = sub { my ($answer) = @_; return $answer->json->{ error } };
    my $product = sub {
        my %form = (app => 'conf', user => 'clinician', patient => 'p1', @_);
        return $error->($w->form($base, 'launch', [ %form ],
                Authorization => FHIR::Test::Browser::basic('ehr', $ehr)));
    };
    my ($token) = $w->launch($base, 'conf', 'clinician', 'user/Patient.rs');
    my @bearer = (Authorization => "Bearer $token->{access_token}");
    my @rows = (
        [ 'assertion missing', 'invalid_client',
            sub { $error->($w->form($base, 'token', [ @back, client_id => 'back' ])) } ],
        [ 'no system at patients', 'unauthorized_client',
            sub { $error->($w->backend('system/*.rs', base => $w->{ patients })) } ],
        [ 'unwanted verifier', 'invalid_grant', sub {
                my ($plain) = $w->code($base, 'conf', 'clinician', 'user/Patient.rs',
                    params => { code_challenge => undef, code_challenge_method => undef });
                return $error->($w->redeem($base, 'conf', $plain->{ code }, 'v' x 43));
            } ],
        [ 'method alone',     'invalid_request', sub { $ask->($base, 'conf', code_challenge => undef) } ],
        [ 'not for patients', 400,               sub { $ask->($w->{ patients }, 'staff') } ],
        [ 'no code grant', 'unauthorized_client', sub { $ask->($base, 'two') },
            "UPDATE main.fhir_client SET grants = '{client_credentials}' WHERE id = 'two'",
            "UPDATE main.fhir_client SET grants = '{authorization_code}' WHERE id = 'two'" ],
        [ 'licence past its end', 400, sub { $ask->($base, 'two') },
            "UPDATE main.fhir_licence SET expires = now() - interval '1 s' WHERE client = 'two'" ],
        [ 'consent required', 'consent_required', sub {
                my (undef, undef, $browser) = $w->code($base, 'conf', 'clinician', 'user/Patient.rs');
                my ($back) = $w->code($base, 'conf', undef, 'user/Patient.rs', browser => $browser,
                    params => { prompt => 'none' });
                return $back->{ error };
            } ],
        [ 'launch over', 'invalid_request', sub { $launch->("expires = now() - interval '1 s'", 'clinician') } ],
        [ 'launch of another user', 403, sub { $launch->(undef, 'nurse', '--user', 'clinician') } ],
        [ 'launch about nobody', 'invalid_request', sub { $launch->("patient = 'nobody'", 'clinician') } ],
        [ 'nothing can be granted', 'access_denied', sub {
                my ($back) = $w->code($base, 'conf', 'clinician', 'system/*.rs');
                return $back->{ error };
            } ],
        [ 'nothing is left', 'access_denied', sub {
                my ($back) = $w->code($base, 'conf', 'clinician', 'user/Patient.rs', scopes => []);
                return $back->{ error };
            } ],
        [ 'no record', 403, sub {
                my (undef, undef, undef, $answer) = $w->code($w->{ patients }, 'conf', 'late', 'patient/*.rs');
                return $answer->status;
            } ],
        [ 'denied', 'access_denied', sub {
                my (undef, undef, $browser) = $w->code($base, 'conf', 'clinician', 'user/Patient.rs', stop => 1);
                my $answer = $browser->press([ _step => 'cancel' ]);
                return { FHIR::Test::Browser::params($answer->header('Location')) }->{ error };
            } ],
        [ 'too many attempts', 'invalid_request', sub {
                my $answer;
                my @wrong = (Authorization => FHIR::Test::Browser::basic('staff', 'x'));
                for (1 .. 40) {
                    $answer = $w->form($base, 'token', [ @redeem ], @wrong);
                    last if $answer->status == 429;
                }
                return $error->($answer);
            } ],
        [ 'keys out of reach', 'invalid_client',
            sub { $error->($w->form($base, 'token', [ @back, client_assertion => assertion() ])) },
            "UPDATE main.fhir_client SET jwks = NULL, jwks_uri = 'https://keys.invalid/jwks' WHERE id = 'back'" ],
        [ 'introspection of nothing', 'invalid_request', sub { $error->($w->form($base, 'introspect', [], @basic)) } ],
        [ 'revocation of nothing',    'invalid_request', sub { $error->($w->form($base, 'revoke',     [], @basic)) } ],
        [ 'userinfo without openid', 'insufficient_scope',
            sub { $error->($w->browser->get("$base/auth/userinfo", @bearer)) } ],
        [ 'userinfo elsewhere', 'invalid_token',
            sub { $error->($w->browser->get("$w->{patients}/auth/userinfo", @bearer)) } ],
        [ 'launch by an app', 'unauthorized_client',
            sub { $error->($w->form($base, 'launch', [ app => 'conf', patient => 'p1' ], @basic)) } ],
        [ 'launch of no app',        'invalid_request', sub { $product->(app     => 'nobody') } ],
        [ 'launch for no user',      'invalid_request', sub { $product->(user    => 'nobody') } ],
        [ 'launch about no patient', 'invalid_request', sub { $product->(patient => 'none') } ],
        [ 'launch with no banner',   'invalid_request', sub { $product->(need_patient_banner => 'maybe') } ],
        [ 'launch with no context',  'invalid_request', sub { $product->(fhirContext => '{') } ],
    );
    for (@rows) {
        my ($name, $error, $request, $before, $after) = @$_;
        $t->psql($before) if $before;
        is($request->(), $error, $name);
        seen($name);
        $t->psql($after) if $after;
    }
    unlike($t->psql("SELECT received, expected, description FROM main.fhir_refusal WHERE client IN ('conf', 'staff')"),
        qr{\bp1\b|Okafor|clinician|nurse}, 'nobody is named');
}
is_deeply([ sort keys %seen ], [ sort keys %saw ], 'each row of what developers see was looked at');
unlike(
    $t->psql('SELECT parameter, received, expected, description FROM main.fhir_refusal'),
    qr/\Q$FHIR::Test::Auth::PASSWORD\E|\Q$w->{secret}\E|\Q$code->{code}\E|\Q$night\E|\Q$verifier\E/,
    'what is kept holds no secret');

cmp_ok(scalar keys %texts, '>=', 60, scalar(keys %texts) . ' refusals');
my @twice = map { "$_: @{ $texts{$_} }" } grep { @{ $texts{ $_ } } > 1 } sort keys %texts;
cmp_ok(scalar @twice, '<=', 1, 'the texts differ') or diag(join "\n", @twice);
unlike(
    $t->log_text,
    qr/\Q$FHIR::Test::Auth::PASSWORD\E|\Q$w->{secret}\E|\Q$code->{code}\E|\Q$night\E/,
    'the log holds no secret');

# ---- no row of the table is dead ----
{
    my $mod_fhir = source_dir() . '/mod_fhir';
    my @rows     = read_file("$mod_fhir/auth/fhir_refusal.h") =~ /^  X\((\w+), "/mg;
    my $program  = join '', map { read_file($_) } glob "$mod_fhir/{auth,portal,httpd}/*.c";
    cmp_ok(scalar @rows, '>', 60, scalar(@rows) . ' refusals can be explained');
    is(join(' ', grep { $program !~ /\bFHIR_REFUSED_$_\b/ } @rows), '', 'each of them can happen');

    # what to do, in both languages
    my %what    = read_file("$mod_fhir/auth/fhir_refusal.h") =~ /^  X\(\w+, "([^"]+)".*, "([^"]+)"\)(?: \\)?$/mg;
    my %spanish = read_file(source_dir() . '/htdocs/text.es') =~ /^do-(\S+) = (.+)$/mg;
    is_deeply([ sort keys %spanish ], [ sort keys %what ], 'each says what to do in Spanish, too');
    for my $language (qw(en es)) {
        my $page = $t->get('/fhir/r4/auth/help', 'Accept-Language' => $language)->body;
        my ($text) = $page =~ /<tr id="wrong-secret">.*?>([^<>]+)<\/td><\/tr>/s;
        is($text =~ s/&#39;/'/gr, { en => \%what, es => \%spanish }->{$language}{'wrong-secret'},
            "  on the help page in $language");
    }
}

# ---- bearer tokens at the FHIR API ----
my ($token) = $w->launch($base, 'conf', 'clinician', 'user/Patient.rs');
my $psql =
    "UPDATE main.fhir_token SET expires = now() - interval '12 minutes' WHERE kind = 'access'";
is($t->get('/fhir/r4/Patient', bearer($token->{ access_token }))->status, 200, 'a token');
$t->psql($psql);
for (
    [ {}                                   => qr/^Bearer$/ ],
    [ { bearer('unknown') }                => qr/invalid_token.*unknown/ ],
    [ { Authorization => 'Basic eDp4' }    => qr/not of the type Bearer/ ],
    [ { Authorization => 'Bearer !!' }      => qr/not followed by a well-formed/ ],
    [ { bearer($token->{ access_token }) } => qr/expired 12 min ago/ ]
) {
    my ($headers, $text) = @$_;
    wait_for(sub { $t->get('/fhir/r4/Patient', %$headers)->status == 401 }, 2);
    my $answer = $t->get('/fhir/r4/Patient', %$headers);
    is_outcome($answer, 401, 'login', qr/token|Authorization/, "401: $text");
    like($answer->header('WWW-Authenticate'), $text, '  the challenge says why');
}
is($t->get("/fhir/r4/Patient?access_token=$token->{access_token}")->status, 401, 'a token in the URL is none');

$t->done;
