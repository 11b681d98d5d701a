# SPDX-License-Identifier: Apache-2.0
# The portals for programs: each page as JSON, by role; the test launch of backend services; initial access tokens;
# key sets by address; logos; sign-up by invitation and off.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::Browser;
use FHIR::Test::Portal;
use Test::More;

my $p = FHIR::Test::Portal->new(conf => <<'CONF');
FHIRRegistration token
FHIRFetchPrivate On
FHIRPortalMail /bin/sh -c "cat >/dev/null"
FHIRPortalFrom portal@example.org
<Location "/invited">
    FHIRPortal On
    FHIRPortalSignUp invitation
</Location>
<Location "/closed">
    FHIRPortal On
</Location>
CONF
my ($t, $w) = @$p{ qw(t world) };
my $PASSWORD = $FHIR::Test::Auth::PASSWORD;
my @json = (Accept => 'application/json');
my $dev = $p->developer('dev@apps.example');

# ---- sign-up ----
{
    my $b = $p->browser;
    unlike($b->get($t->url('/closed/connect/join'))->body, qr/value="join"/, 'sign-up is off: no form');
    unlike($b->get($t->url('/invited/connect/join'))->body, qr/value="join"/, 'by invitation: none without one');
    unlike($b->get($t->url('/invited/connect/join?t=' . 'x' x 43))->body, qr/value="join"/, '  nor with a made-up one');
    my ($word) = $b->get($p->url('connect/join'))->body =~ /name="_word" value="([^"]+)"/;
    for my $place ('closed', 'invited') {
        $b->post($t->url("/$place/connect/join"), [ _word => $word, _step => 'join', email => 'eve@apps.example',
                display => 'Eve', password => $PASSWORD, again => $PASSWORD ]);
    }
    is($t->psql("SELECT count(*) FROM main.fhir_mail_link WHERE email = 'eve\@apps.example'"), 0,
        '  and a form that is sent all the same does nothing');
    my $admin = $p->admin;
    $admin->press([ _step => 'invite' ], email => 'Guest@Apps.example');
    my ($mail) = $p->mails;
    is($mail->{to}, 'guest@apps.example', 'an administrator invites');
    my $guest = $p->browser;
    $guest->get($mail->{link} =~ s{/portal/}{/invited/}r);
    $guest->press([ _step => 'join' ], email => 'other@apps.example', display => 'Guest', organization => '',
        website => '', password => $PASSWORD, again => $PASSWORD);
    is($t->psql("SELECT string_agg(email, ' ') FROM main.fhir_mail_link WHERE purpose = 'confirm' AND used IS NULL"),
        'guest@apps.example', '  the invited address, and no other, can join');
}

# ---- pages as JSON, by role ----
my $app;
{
    my $page = $dev->get($p->url('connect/new'), @json);
    is($page->header('Content-Type'), 'application/json', 'a page as JSON');
    like($page->header('Vary'), qr/Accept/, '  by Accept');
    my $json = $page->json;
    is($json->{page}, 'app-new', '  which page it is');
    my %new = (_word => $json->{word}, _step => 'create', app => 'JSON "app"', kind => 'backend', system => 1,
        scope_text => 'system/Patient.rs', home => '', policy => '', terms => '', app_logo => '');
    my $bad = $dev->post($p->url('connect/new'), [ %{ { %new, scope_text => 'nothing' } } ], @json);
    is($bad->status, 422, 'a form that is not taken: 422');
    is($bad->json->{fault}, 'fault-scopes', '  with the fault as a code');
    is($dev->post($p->url('connect/new'), [ %{ { %new, _word => 'x' } } ], @json)->json->{error}, 'invalid_request',
        'a forged form is refused as JSON');
    my $made = $dev->post($p->url('connect/new'), [ %new ], @json);
    is($made->status, 303, 'an app is made');
    $app = $dev->get($made->header('Location'), @json)->json;
    is_deeply([ @$app{ qw(page app kind message) } ], [ 'app', 'JSON "app"', 'kind-backend', 'done-created' ],
        '  and read');
    is_deeply([ map { $_->{env_name} } @{ $app->{envs} } ], [ 'test', 'production' ], '  with its environments');
    my %test = map { $_->{env_name} => $_->{client_id} } @{ $app->{envs} };
    my %wanted = ('connect' => 'developer', 'connect/new' => 'developer', 'connect/account' => 'developer',
        'connect/why' => 'developer', "connect/app?id=$app->{app_id}" => 'developer',
        "connect/letter?id=$app->{app_id}&client=$test{test}" => 'developer',
        "connect/try?client=$test{test}" => 'developer', 'licences' => 'admin',
        "licences/app?client=$test{test}" => 'admin');
    my %browsers = (none => $p->browser, developer => $dev, admin => $p->admin, staff => $p->browser,
        patient => $p->browser);
    $p->sign_in($browsers{staff}, 'licences', 'clinician');
    $p->sign_in($browsers{patient}, 'licences', 'amara');
    for my $path (sort keys %wanted) {
        for my $role (sort keys %browsers) {
            my $answer = $browsers{$role}->get($p->url($path), @json);
            is($answer->status, $role eq $wanted{$path} ? 200 : 401, "$path as JSON: $role");
        }
    }
    is($browsers{none}->get($p->url('directory'), @json)->json->{practices}[ 0 ]{name}, 'Lakeside Family Practice',
        'public pages are for all');
    is($dev->get($p->url('connect/app?id=none'), @json)->json->{error}, 'invalid_request', 'what is not there');
    # a decision as JSON
    my $url = $p->url("licences/app?client=$test{test}");
    my $licence = $browsers{admin}->get($url, @json)->json;
    my @give = (_word => $licence->{word}, _step => 'give', to_system => 1, access_sec => 3600, system_sec => 300,
        refresh_sec => 86400, licence_scopes => 'system/Patient.rs', until => '', words => '');
    is($browsers{admin}->post($url, [ @give ], @json)->status, 303, 'an administrator decides');
    is($browsers{admin}->get($url, @json)->json->{state}, 'state-given', '  and reads the decision');
    is($dev->post($url, [ @give ], @json)->status, 401, '  a developer does not');
}

# ---- keys by address, and logos ----
{
    my $url = $p->url("connect/app?id=$app->{app_id}");
    my ($test) = grep { $_->{env_name} eq 'test' } @{ $app->{envs} };
    $dev->get($url);
    my $saved = $dev->press([ _step => 'save', $test->{client_id} ], jwks_uri => "$w->{staff}/auth/keys");
    like($saved->body, qr/id="message">Saved/, 'a key set by address is fetched and taken');
    is($t->psql("SELECT jwks_uri FROM main.fhir_client WHERE id = '$test->{client_id}'"), "$w->{staff}/auth/keys",
        '  the address is kept');
    $dev->get($url);
    like($dev->press([ _step => 'save', $test->{client_id} ], jwks_uri => "$w->{staff}/auth/nothing")->body,
        qr/id="fault">.*answers 404/s, '  what is not there is told');
    my %logos = ('https://app.example/logo.svg' => 1, 'data:image/svg+xml,<svg onload=alert(1)>' => 0,
        'javascript:alert(1)' => 0, '//evil.example/x.svg' => 0, 'https://a.example/"onerror="x' => 0);
    for my $logo (sort keys %logos) {
        $dev->get($url);
        my $page = $dev->press([ _step => 'save-app' ], app_logo => $logo);
        is($page->body =~ /id="message">Saved/ ? 1 : 0, $logos{$logo}, "logo $logo");
        unlike($page->body, qr/<svg onload|src="javascript|"onerror="/, '  never as markup');
    }
    my $list = $dev->get($p->url('connect'));
    like($list->body, qr{<img class="logo-small" src="https://app.example/logo.svg"}, 'an SVG logo is an image');
    like($list->header('Content-Security-Policy'), qr/script-src 'self'.*img-src 'self'/,
        '  in which no script runs');
    for my $path ('connect?done=https://evil.example', 'connect/app?next=//evil.example', 'connect//evil.example',
        'connect/back?code=x&state=https://evil.example', '/evil.example') {
        my $answer = $dev->get($p->url($path));
        unlike($answer->header('Location') // '', qr/evil/, "no redirect to others: $path");
    }
}

# ---- the test launch of a backend service ----
{
    my %test = map { $_->{env_name} => $_->{client_id} } @{ $app->{envs} };
    my $url = $p->url("connect/try?client=$test{test}");
    $dev->get($url);
    my $page = $dev->press([ _step => 'backend' ])->body;
    like($page, qr/id="discovery"[^>]*>HTTP 200\n.*token_endpoint/s, 'backend: discovery');
    like($page, qr/&quot;alg&quot;:&quot;ES384&quot;.*&quot;aud&quot;:&quot;[^<]*auth\/token/s, '  the assertion');
    like($page, qr/id="token"[^>]*>HTTP 200\n[^<]*access_token/s, '  the token, with a key made for it');
    like($page, qr{GET [^<]*/fhir/r4/Patient\?_count=1.*id="read"[^>]*>HTTP 200\n[^<]*searchset}s, '  and a read');
    my $json = $dev->post($url, [ _word => $dev->get($url, @json)->json->{word}, _step => 'backend', endpoint => 0,
            scope_text => 'system/Observation.rs' ], @json)->json;
    my %step = map { $_->{id} => $_ } @{ $json->{exchanges} };
    like($step{token}{answer}, qr/HTTP 400.*invalid_scope/s, '  a scope beyond the licence is refused as for apps');
    ok(!$step{read}, '  and nothing is read');
    like($t->log_text, qr/FHIR0734: a test launch of client \Q$test{test}\E read Patient: 200/, '  the log tells');
    is($t->psql("SELECT count(*) FROM main.fhir_client WHERE id = '$test{test}' AND jwks IS NULL"), 1,
        '  and no key stays');
    my $secret = $p->app($dev, app => 'Night job', kind => 'backend-secret', scope_text => 'system/*.rs', system => 1);
    $dev->get($p->url("connect/app?id=$secret->{id}"));
    my ($word) = $dev->press([ _step => 'secret', $secret->{test} ])->body =~ /id="new-secret">([^<]+)/;
    $w->ctl('licence', 'give', $secret->{test}, '--secret-grant');
    $dev->get($p->url("connect/try?client=$secret->{test}"));
    $page = $dev->press([ _step => 'backend' ], secret => $word)->body;
    like($page, qr/id="token"[^>]*>HTTP 200.*id="read"[^>]*>HTTP 200/s, 'with its own secret');
    unlike($page, qr/\Q$word\E/, '  which is not shown');
}

# ---- requests for records: counted, and why they were refused ----
{
    my %test = map { $_->{env_name} => $_->{client_id} } @{ $app->{envs} };
    my $token = sub {
        my $try = $p->url("connect/try?client=$test{test}");
        my $page = $dev->post($try, [ _word => $dev->get($try, @json)->json->{word}, _step => 'backend', endpoint => 0,
                scope_text => 'system/Patient.rs' ], @json)->json;
        my %step = map { $_->{id} => $_ } @{ $page->{exchanges} };
        return $step{token}{answer} =~ /"access_token":"([^"]+)"/ ? $1 : '';
    };
    my $access = $token->();
    is($t->get('/fhir/r4/Patient/p1', bearer($access))->status, 200, 'a request that is allowed');
    my $refused = $t->get('/fhir/r4/Observation?patient=p1&code=8867-4', bearer($access));
    is($refused->status, 403, '  and one that is not');
    my $id = $refused->header('X-Request-Id');
    ok($id, '  has an id');
    my ($why) = @{ $dev->get($p->url("connect/why?request=$id"), @json)->json->{refusals} };
    is_deeply([ @$why{ qw(error parameter received expected route) } ],
        [ 'access-scope', 'scope', 'system/Patient.rs', 'system/Observation.s', 'FHIR search-type Observation' ],
        '  why: value received and value expected') or diag explain $why;
    like($why->{what}, qr/Request a token/, '  what to do');
    unlike($dev->{page}->body, qr/p1|8867|\Q$access\E/, '  without the patient, values or the token');
    # in this order: tokens that are past their time are not told to the servers that may know them
    $t->psql("UPDATE main.fhir_authorization SET revoked = now(), revoked_by = 'the practice'; "
            . "UPDATE main.fhir_token SET expires = now() - interval '5 minutes'");
    my $gone;
    ok(wait_for(sub { ($gone = $t->get('/fhir/r4/Patient/p1', bearer($access)))->status == 401 }, 5),
        'a token that ended');
    ($why) = @{ $dev->get($p->url('connect/why?request=' . $gone->header('X-Request-Id')), @json)->json->{refusals} };
    is_deeply([ @$why{ qw(error parameter) } ], [ 'access-token', 'Authorization' ], '  why: the token');
    like($why->{description}, qr/revoked by the practice/, '  in words');
    is($t->get('/fhir/r4/Patient/p1', bearer('x' x 43))->header('X-Request-Id'), undef,
        'a token of nobody is kept for nobody');
    # use is written within ten seconds, and when a process ends; here the process is replaced
    $t->graceful;
    ok(wait_for(sub { $t->psql("SELECT sum(requests) >= 3 AND sum(errors) >= 2 FROM main.fhir_use_day WHERE client = "
                    . "'$test{test}'") eq 't' }, 10), 'requests and errors are counted by day')
        or diag $t->psql('SELECT * FROM main.fhir_use_day');
    $t->psql("INSERT INTO main.fhir_use_day (client, day, requests, people) VALUES ('$test{test}', current_date - 20, "
            . "4711, 12)");
    my $use = $p->admin->get($p->url("licences/app?client=$test{test}"));
    like($use->body, qr/20\d\d-\d\d-\d\d: 4711/, '  and shown, older than a week');
    like($use->body, qr/Requests: <strong>47\d\d.*People: <strong>12.*Errors and refusals: <strong>[2-9]/s,
        '  by kind');
}

# ---- a withdrawal at the portal holds on all nodes; what an app would be able to read ----
{
    my $name = $t->url('/fhir/r4');
    my $node = $t->second(
        endpoints => "<Location /fhir/r4>\nFHIREndpoint R4 provider\nFHIRBaseURL $name\n</Location>\n");
    $w->ctl('licence', 'give', 'back');
    my @token = bearer($w->backend('system/Patient.rs')->json->{access_token});
    is($node->get('/fhir/r4/Patient/p1', @token)->status, 200, 'another node takes a token');
    my $admin = $p->admin;
    my $url = $p->url('licences/app?client=back');
    $t->psql('ANALYZE main.patient');
    $t->psql("UPDATE main.fhir_client SET scopes = 'system/Patient.rs' WHERE id = 'back'");
    like($admin->get($url)->body, qr/Patient: about 3 records at this practice/, 'how much an app would read');
    $admin->press([ _step => 'withdraw' ], words => 'Enough');
    ok(wait_for(sub { $node->get('/fhir/r4/Patient/p1', @token)->status == 401 }, 3),
        'withdrawn at the portal: the other node refuses it, too');
    is($t->get('/fhir/r4/Patient/p1', @token)->status, 401, '  as this one does');
}

# ---- initial access tokens ----
{
    $dev->get($p->url('connect'));
    my ($token) = $dev->press([ _step => 'token' ], environment => 'test')->body =~ /id="new-token">([\w-]{43})</;
    ok($token, 'a developer makes an initial access token');
    unlike($dev->get($p->url('connect'))->body, qr/\Q$token\E/, '  which is shown once');
    my $made = $t->post('/fhir/r4/auth/register', { client_name => 'Made by CI', scope => 'patient/*.rs',
            redirect_uris => ['http://localhost:3000/cb'] }, 'Content-Type' => 'application/json', bearer($token));
    is($made->status, 201, '  a program registers with it') or diag($made->body);
    like($dev->get($p->url('connect'))->body, qr/Made by CI.*9 uses left/s, '  and the app is the developer\'s');
    like($p->admin->get($p->url("licences/app?client=@{[ $made->json->{client_id} ]}"))->body, qr/dev\@apps\.example/,
        '  the practice sees whose it is');
    $dev->press([ _step => 'end-token' ]);
    is($t->post('/fhir/r4/auth/register', {}, 'Content-Type' => 'application/json', bearer($token))->status, 401,
        '  and is ended');
}

$t->done;
