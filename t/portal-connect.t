# SPDX-License-Identifier: Apache-2.0
# The Connect and License Management Portals: from a developer's sign-up to a token, and back; who may see
# what, and what attacks on them come to.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::Browser;
use FHIR::Test::Portal;
use Test::More;

# an endpoint without tokens, which httpd opens to who has a cookie
my $p = FHIR::Test::Portal->new(conf => <<'CONF');
<Location "/dev/r4">
    FHIREndpoint R4 open
    Require expr "%{HTTP_COOKIE} =~ /demo=open/"
</Location>
CONF
my ($t, $w) = @$p{ qw(t world) };
my $PASSWORD = $FHIR::Test::Auth::PASSWORD;
my @two = (password => $PASSWORD, again => $PASSWORD);

# ---- accounts ----
{
    my $b = $p->browser;
    my $page = $b->get($p->url('connect/join'));
    is($page->status, 200, 'sign-up is open');
    like($page->header('Content-Security-Policy'), qr/frame-ancestors 'none'/, '  and cannot be framed');
    for (
        [ 'no address',         'reason-email',     { email => 'nobody' } ],
        [ 'a header in it',     'reason-email',     { email => "a\@b.example\nBcc: c\@d.example" } ],
        [ 'no name',            'reason-name',      { display => ' ' } ],
        [ 'a website by http',  'reason-website',   { website => 'javascript:alert(1)' } ],
        [ 'a short password',   'password-short',   { password => 'short', again => 'short' } ],
        [ 'different ones',     'password-differs', { again => 'correct horse batterz' } ],
    ) {
        my ($name, $key, $more) = @$_;
        my %fields = (email => 'dev@apps.example', display => 'Dev', website => '', @two, %$more);
        $page = $b->press([ _step => 'join' ], %fields);
        my $text = text($key);
        like($page->body, qr/id="reason">\Q$text\E/, "refused: $name");
    }
    is(scalar $p->mails, 0, 'no e-mail was sent for any of them');
    my $new = $b->press([ _step => 'join' ], email => 'Dev@Apps.example', display => '<b>Dev</b>', website => '', @two);
    my ($mail) = $p->mails;
    is($mail->{to}, 'dev@apps.example', 'an e-mail to the address');
    is($t->psql("SELECT count(*) FROM main.fhir_user WHERE name = 'dev\@apps.example'"), 0,
        '  and no account before it is confirmed');
    $b->get($mail->{link});
    is($t->psql("SELECT count(*) FROM main.fhir_user WHERE name = 'dev\@apps.example'"), 0,
        '  nor by following the link alone');
    like($b->press([ _step => 'confirm' ])->body, qr/Your account is ready/, 'confirmed');
    $b->get($mail->{link});
    like($b->{page}->body, qr/not valid/, 'the link is good once');
    is($t->psql("SELECT kind || display FROM main.fhir_user WHERE name = 'dev\@apps.example'"),
        'developer<b>Dev</b>', 'a developer');

    $b->get($p->url('connect/join'));
    my $again = $b->press([ _step => 'join' ], email => 'dev@apps.example', display => 'Other', @two);
    is(strip($again->body), strip($new->body), 'signing up with a known address looks the same');
    like(($p->mails)[ 0 ]{subject}, qr/You have an account/, '  only the address is told');
    my %seen;
    for my $email ('dev@apps.example', 'unknown@apps.example') {
        $b->get($p->url('connect/reset'));
        $seen{ strip($b->press([ _step => 'reset' ], email => $email)->body) }++;
    }
    is(scalar keys %seen, 1, 'a reset looks the same for known and unknown addresses');
    my ($reset, $unknown) = $p->mails;
    ($reset, $unknown) = ($unknown, $reset) if $unknown->{to} =~ /^dev/;
    is($unknown->{link}, undef, '  the unknown one gets no link');

    my $before = $p->sign_in($p->browser, 'connect', 'dev@apps.example');
    like($before->{page}->body, qr/Your apps/, 'signed in');
    $b->get($reset->{link});
    $b->press([ _step => 'save' ], password => 'another long password', again => 'another long password');
    like($b->{page}->body, qr/password is set/, 'a new password');
    like($before->get($p->url('connect'))->body, qr/value="sign-in"/, '  ends the sessions that there were');
    $b->get($reset->{link});
    like($b->{page}->body, qr/not valid/, '  and its link');
    $t->psql("UPDATE main.fhir_user SET password = (SELECT password FROM main.fhir_user WHERE name = 'clinician') "
            . "WHERE name = 'dev\@apps.example'");
}
{
    my $b = $p->browser;
    for my $n (1 .. 8) {
        $b->get($p->url('connect/reset'));
        last if $b->press([ _step => 'reset' ], email => 'flood@apps.example')->body =~ /too many failed/;
    }
    like($b->{page}->body, qr/too many failed attempts/, 'one address does not get any number of e-mails');
    cmp_ok(scalar $p->mails, '<=', 5, '  but five');
    $t->psql('DELETE FROM main.fhir_attempt');
}

# ---- apps ----
my $dev = $p->sign_in($p->browser, 'connect', 'dev@apps.example');
{
    my $cookie = { %{ $dev->{cookies} } };
    my $fresh = $p->browser;
    $fresh->get($p->url('connect'));
    my ($given) = values %{ $fresh->{cookies} };
    $fresh->sign_in('dev@apps.example', $PASSWORD);
    isnt((values %{ $fresh->{cookies} })[ 0 ], $given, 'signing in gives a new cookie');

    for (
        [ 'no name',        'fault-name',     { app => ' ' } ],
        [ 'nobody',         'fault-audience', { staff => undef } ],
        [ 'unknown scopes', 'fault-scopes',   { scope_text => 'patient/Nothing.rs' } ],
        [ 'no scopes',      'fault-scopes',   { scope_text => '' } ],
        [ 'a bad link',     'fault-url',      { policy => 'javascript:alert(1)' } ],
        [ 'no kind',        'fault-kind',     { kind => 'other' } ],
    ) {
        my ($name, $key, $more) = @$_;
        $dev->get($p->url('connect/new'));
        my %fields = (app => 'X', kind => 'secret', staff => 1, scope_text => 'patient/*.rs', %$more);
        delete @fields{ grep { !defined $fields{$_} } keys %fields };
        my $page = $dev->press([ _step => 'create' ], %fields);
        my ($text) = text($key) =~ /^([^{"]*)/;
        like($page->body, qr/id="fault">\Q$text\E/, "an app is refused: $name");
    }
}
my $app = $p->app($dev, app => '<script>alert(1)</script> & "Vitals"', policy => 'https://apps.example/privacy',
    description => "Shows vital signs.\n<img src=x onerror=alert(1)>", patients => 1);
my $url = $p->url("connect/app?id=$app->{id}");
{
    unlike($app->{page}->body, qr/<script>alert|<img src=x/, 'what was typed is text');
    isnt($app->{test}, $app->{production}, 'an app has two client ids');
    my %bad = (
        production => [ 'http://app.example/cb', 'http://127.0.0.1:9/callback', 'org.example.app:/cb',
            'https://app.example/cb#x', 'javascript:alert(1)' ],
        test => [ 'http://app.example/cb', 'myapp:/cb', 'https://u:p@app.example/' ]);
    for my $env (sort keys %bad) {
        for my $uri (@{ $bad{$env} }) {
            $dev->get($url);
            my $page = $dev->press([ _step => 'save', $app->{$env} ], redirects => $uri);
            like($page->body, qr/id="fault">The callback/, "$env: $uri is refused");
        }
    }
    $dev->get($url);
    my $page = $dev->press([ _step => 'save', $app->{test} ],
        redirects => "$FHIR::Test::Auth::CALLBACK\n\n https://app.example/cb ", launch => 'http://127.0.0.1:9/launch');
    like($page->body, qr/id="message">Saved/, 'callbacks of the test environment');
    is($t->psql("SELECT redirect_uris::text || native FROM main.fhir_client WHERE id = '$app->{test}'"),
        "{$FHIR::Test::Auth::CALLBACK,https://app.example/cb}true", '  stand where the server reads them');
    my $native = $p->app($dev, app => 'Native', kind => 'public');
    for ([ 1, 'org.example.app:/cb' ], [ 1, 'http://127.0.0.1/cb' ], [ 0, 'http://localhost/cb' ]) {
        $dev->get($p->url("connect/app?id=$native->{id}"));
        my $saved = $dev->press([ _step => 'save', $native->{production} ], redirects => $_->[ 1 ]);
        is(scalar($saved->body =~ /id="message">Saved/) || 0, $_->[ 0 ], "a native app in production: $_->[1]");
    }
}
# ---- its logo ----
{
    my $png = sub { "\x89PNG\r\n\x1a\n" . pack 'N a4 N N C5 N', 13, 'IHDR', @_, 8, 6, 0, 0, 0, 0 };
    my $send = sub {
        my ($picture, %more) = @_;
        my ($word) = $dev->get($url)->body =~ /name="_word" value="([^"]+)"/;
        my %fields = (_word => $word, _step => 'logo', %more);
        my $body = join '', (map { qq(--cut\r\nContent-Disposition: form-data; name="$_"\r\n\r\n$fields{$_}\r\n) }
                sort keys %fields), defined $picture ? qq(--cut\r\nContent-Disposition: form-data; name="picture"; )
                . qq(filename="../x.svg"\r\nContent-Type: image/png\r\n\r\n$picture\r\n) : (), "--cut--\r\n";
        my $answer = $dev->request(POST => $url, content => $body,
            headers => { 'Content-Type' => 'multipart/form-data; boundary=cut' });
        return $dev->follow($answer);
    };
    my $svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>';
    my @bad = (
        [ 'none',       undef,                           qr/no file was chosen/ ],
        [ 'empty',      '',                              qr/no file was chosen/ ],
        [ 'SVG',        $svg,                            qr/neither PNG nor JPEG/ ],
        [ 'HTML',       "<html>\x89PNG",                 qr/neither PNG nor JPEG/ ],
        [ 'too small',  $png->(15, 64),                  qr/15 by 64 pixels; a side has 16 to 1024/ ],
        [ 'too wide',   $png->(1025, 64),                qr/1025 by 64/ ],
        [ 'too heavy',  $png->(64, 64) . 'x' x 66_000,   qr/the most is 65536/ ],
    );
    for (@bad) {
        my ($name, $picture, $why) = @$_;
        like($send->($picture)->body, qr/id="fault">The logo cannot be used:.*$why/s, "a logo is refused: $name");
    }
    is($send->($png->(64, 64) . 'x' x 140_000)->status, 413, '  or the form, when it is very long');
    is($send->($png->(64, 64), _word => 'x' x 43)->status, 400, '  or a forged one');
    is($t->psql('SELECT count(*) FROM main.fhir_app_logo'), 0, '  and nothing is kept');
    my $picture = $png->(64, 48) . join '', map { chr } 0 .. 255;
    my ($logo) = $send->($picture)->body =~ /<img class="app-logo" src="([^"]+)"/;
    $logo = FHIR::Test::Browser::unescape($logo);
    my $got = $p->browser->get($logo);
    is($got->body, $picture, 'a logo is there for everybody, byte by byte');
    is(join(' ', map { $got->header($_) } qw(Content-Type X-Content-Type-Options Content-Security-Policy)),
        "image/png nosniff default-src 'none'; sandbox", '  as a picture and nothing else');
    is($t->psql("SELECT DISTINCT logo_uri FROM main.fhir_client WHERE app = '$app->{id}'"), $logo,
        '  in both environments');
    my ($other) = $send->($png->(32, 32))->body =~ /<img class="app-logo" src="([^"]+)"/;
    isnt(FHIR::Test::Browser::unescape($other), $logo, '  another one has another address');
    $dev->press([ _step => 'save-app' ]);
    like($dev->{page}->body, qr/id="message">Saved.*src="\Q$other\E"/s, '  which stays when the rest is saved');
    $dev->press([ _step => 'save-app' ], app_logo => '');
    is($t->psql('SELECT count(*) FROM main.fhir_app_logo'), 0, '  and goes when the developer takes it away');
    is($p->browser->get($logo)->status, 404, '  from its address, too');
    my $form = $t->post('/fhir/r4/auth/token', '--cut--', 'Content-Type' => 'multipart/form-data; boundary=cut');
    like($form->json->{error_description}, qr/send application\/x-www-form-urlencoded/, 'other forms have no files');
}
my @secrets;
{
    for my $n (1, 2) {
        $dev->get($url);
        my ($secret) = $dev->press([ _step => 'secret', $app->{test} ])->body =~ /id="new-secret">([\w-]{43})</;
        ok($secret, "secret $n is shown");
        push @secrets, $secret;
    }
    unlike($dev->get($url)->body, qr/\Q$secrets[0]\E|\Q$secrets[1]\E/, '  once');
    unlike($dev->{page}->body, qr/id="test".*value="secret">.*id="production"/s, 'no third one');
    is($t->psql("SELECT count(*) FROM main.fhir_client_secret WHERE client = '$app->{test}'"), 2, '  two are valid');
    my $keyed = $p->app($dev, app => 'Keyed', kind => 'backend', scope_text => 'system/*.rs', system => 1);
    my $keys = $p->url("connect/app?id=$keyed->{id}");
    my %keys = (
        'no JSON'          => [ jwks => '{', qr/id="fault">The keys/ ],
        'a private key'    => [ jwks => '{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}]}', qr/private/ ],
        'no key'           => [ jwks => '{"keys":[]}', qr/id="fault">The keys/ ],
        'plain http'       => [ jwks_uri => 'http://app.example/keys', qr/https:/ ],
        'a private host'   => [ jwks_uri => 'https://127.0.0.1:1/keys', qr/private address/ ],
        'another one'      => [ jwks_uri => 'https://[::ffff:10.0.0.1]/keys', qr/private address/ ],
        'a local name'     => [ jwks_uri => 'https://localhost:1/keys', qr/private address/ ],
    );
    for my $name (sort keys %keys) {
        my ($field, $value, $wanted) = @{ $keys{$name} };
        $dev->get($keys);
        like($dev->press([ _step => 'save', $keyed->{test} ], $field => $value)->body, $wanted, "keys: $name");
    }
    my $jwks = $t->psql("SELECT jwks FROM main.fhir_client WHERE id = 'back'");
    $dev->get($keys);
    like($dev->press([ _step => 'save', $keyed->{test} ], jwks => $jwks)->body, qr/Saved.*Key <code>[\w-]{43}</s,
        'a key set is taken and shown');
    my $shown = FHIR::Test::Browser::unescape($dev->get($p->url("connect/try?client=$keyed->{test}"))->body);
    like($shown, qr/algorithm='RS384', headers=\{'kid': '[\w-]{43}'\}/, '  the code of the test launch signs with it');
    like($shown, qr/id="waiting"/, '  which says that the practice has not authorized the app');
}

# ---- the practice ----
my $staff = $w->{staff};
sub launch_error {
    my ($b, $request) = ($p->browser);
    ($request) = $w->request($staff, $app->{test}, 'launch/patient patient/*.rs');
    return $b->get("$staff/auth/authorize?" . FHIR::Test::Browser::query(%$request))->body;
}
like(launch_error(), qr{Lakeside Family Practice has not authorized it; .* at \Q$p->{base}\E/licences/app\?client=},
    'not authorized yet: whom to ask, and where');
$dev->get($url);
like($dev->press([ _step => 'ask', $app->{test} ], note => 'Please <b>look</b>')->body, qr/sees your request now/,
    'asked');
my $admin = $p->admin;
{
    like($admin->{page}->body, qr/Waiting for your decision.*&lt;script&gt;alert.*Please &lt;b&gt;look.*All apps/s,
        'it waits on top');
    unlike($admin->{page}->body, qr/<script>/, '  as text');
    like($admin->get($p->url('licences?q=nothing-like-this'))->body, qr/No app is found/, 'a search');
    like($admin->get($p->url('licences?q=VITAL+apps'))->body, qr/\Q$app->{test}\E/, '  by the maker');
}
my $letter = $dev->get($p->url("connect/letter?id=$app->{id}&client=$app->{test}"));
my ($link) = $letter->body =~ /href="([^"]*)" id="approve"/;
like($letter->body, qr/Vital signs|The whole record: see.*patient\/\*\.rs/s, 'the letter has the scopes in words');
{
    my $page = $admin->get($link);
    is($page->status, 200, "  and the approval's address");
    like($admin->press([ _step => 'refuse' ])->body, qr/id="fault">Tell the developer why/, 'refusing needs words');
    $admin->get($link);
    like($admin->press([ _step => 'refuse' ], words => 'Send us your <i>policy</i>')->body, qr/The app is refused/,
        'refused');
    like(launch_error(), qr/has refused app/, '  at once');
    like($dev->get($url)->body, qr/The practice says: Send us your &lt;i&gt;policy/, '  with words');
    $dev->press([ _step => 'ask', $app->{test} ], note => 'It is here now');
    for ([ licence_scopes => 'nothing', 'fault-licence-scopes' ], [ until => '2026-02-31', 'fault-until' ],
        [ access_sec => '1', 'fault-lifetime' ]) {
        $admin->get($link);
        my $text = text($_->[ 2 ]);
        like($admin->press([ _step => 'give' ], $_->[ 0 ] => $_->[ 1 ])->body, qr/id="fault">\Q$text\E/,
            "a decision with $_->[0] $_->[1] is refused");
    }
    $admin->get($link);
    $admin->press([ _step => 'give' ], licence_scopes => 'launch/patient patient/Patient.rs offline_access',
        access_sec => 900, to_patients => '', words => 'Welcome');
    like($admin->{page}->body, qr/The app is authorized/, 'authorized, with limits');
}
my $h;
{
    my $launch = sub {
        my ($back, $verifier) = $w->code($staff, $app->{test}, 'clinician',
            'launch/patient patient/*.rs offline_access', find => 'amara', patient => 'p1');
        return $w->form($staff, 'token', [ grant_type => 'authorization_code', code => $back->{code},
                redirect_uri => $FHIR::Test::Auth::CALLBACK, code_verifier => $verifier ],
            Authorization => FHIR::Test::Browser::basic($app->{test}, $_[ 0 ]))->json;
    };
    my $token = $launch->($secrets[ 1 ]);
    is($token->{expires_in}, 900, 'a token lives as long as the practice says');
    like($token->{scope}, qr{patient/Patient\.rs}, '  for what the practice allows');
    unlike($token->{scope}, qr{patient/\*}, '  and no more');
    $h = { bearer($token->{access_token}) };
    is($t->get('/fhir/r4/Patient/p1', %$h)->status, 200, '  and reads a patient');
    # wider wishes are not granted by themselves
    $dev->get($url);
    $dev->press([ _step => 'save-app' ], app => 'Vitals', scope_text => 'launch/patient patient/*.cruds');
    is($t->psql("SELECT scopes FROM main.fhir_licence WHERE client = '$app->{test}'"),
        'launch/patient patient/Patient.rs offline_access', 'an app that asks for more later does not get it');
    $dev->get($url);
    my ($secret_id) = $dev->{page}->body =~ /name="secret" value="(\w{16})"/;
    $dev->press([ _step => 'end-secret', $secret_id ]);
    is($w->form($staff, 'token', [ grant_type => 'refresh_token', refresh_token => $token->{refresh_token} ],
            Authorization => FHIR::Test::Browser::basic($app->{test}, $secrets[ 0 ]))->json->{error},
        'invalid_client', 'the older secret was ended');
    my $why = $dev->get($p->url('connect/why'));
    like($why->body, qr/secret-expired|was replaced and has expired/, 'why: it says so');
    unlike($why->body, qr/\Q$secrets[0]\E/, '  without the secret');
    my ($request) = $why->body =~ /UTC · <code>([^<]+)</;
    like($dev->get($p->url("connect/why?request=$request"))->body, qr/was replaced and has expired/, '  by request id');
    my $missing = $w->form($w->{staff}, 'token', [ client_id => $app->{test}, client_secret => $secrets[ 1 ] ]);
    like($dev->get($p->url('connect/why?request=' . $missing->json->{request_id}))->body,
        qr{<code>grant_type</code></dd><dt>Received</dt><dd>nothing: it was missing</dd>}, '  what is missing is said');

    my $page = $admin->get($link);
    like($page->body, qr/<svg.*People: 1.*Access tokens issued: 1/s, 'use is shown');
    like($page->body, qr/Dr\. Doctor/, '  and who uses it');
    my ($authorization) = $page->body =~ /name="authorization" value="(\d+)"/;
    $admin->press([ _step => 'end', qq(value="$authorization") ]);
    like($admin->{page}->body, qr/The access has ended/, 'the practice ends one access');
    is($t->get('/fhir/r4/Patient/p1', %$h)->status, 401, '  at once');
    $h = { bearer($launch->($secrets[ 1 ])->{access_token}) };
    is($t->get('/fhir/r4/Patient/p1', %$h)->status, 200, 'a new launch');
    $admin->get($link);
    $admin->press([ _step => 'withdraw' ], words => 'Too curious');
    wait_for(sub { $t->get('/fhir/r4/Patient/p1', %$h)->status == 401 }, 3);
    like($t->get('/fhir/r4/Patient/p1', %$h)->header('WWW-Authenticate'), qr/revoked by the practice/,
        'withdrawn: its tokens have ended');
    $admin->get($link);
    $admin->press([ _step => 'give' ]);
    is($t->get('/fhir/r4/Patient/p1', %$h)->status, 401, 'given again: old tokens do not come back');
    my @history = $admin->get($link)->body =~ m{<strong>(\w+)</strong> ([\w@.]+)}g;
    is("@history", 'authorized chief withdrawn chief authorized chief requested dev@apps.example refused chief '
            . 'requested dev@apps.example', 'the history of decisions');
    $w->ctl('licence', 'withdraw', $app->{test}, '--words', 'By the command line');
    like($dev->get($url)->body, qr/By the command line/, 'fhirctl licence does the same');
    $w->ctl('licence', 'give', $app->{test}, '--until', '2020-01-01');
    like(launch_error(), qr/for a time that has ended/, 'an authorization that ended by itself');
}

# ---- the test launch ----
{
    $w->ctl('licence', 'give', $app->{test});
    my $try = $p->url("connect/try?client=$app->{test}");
    $dev->get($url);
    my ($new) = $dev->press([ _step => 'secret', $app->{test} ])->body =~ /id="new-secret">([^<]+)/;
    my %kept = %{ $dev->{cookies} }; # of the portal's path alone
    $t->psql("UPDATE main.fhir_client SET scopes = 'launch ' || scopes WHERE id = '$app->{test}'");
    $dev->get($try);
    my ($prefilled) = $dev->{page}->body =~ m{name="scope_text"[^>]*>([^<]*)<};
    unlike($prefilled, qr/(?:^| )launch(?: |$)/, 'a standalone launch does not ask for the launch of the product');
    like(FHIR::Test::Browser::unescape($dev->{page}->body),
        qr/has\('launch'\)\s+\? 'launch \Q$prefilled\E'\s+: '\Q$prefilled\E'/,
        '  nor does the code, if nobody launches it');
    unlike($dev->{page}->body, qr/id="waiting"/, '  which the practice has authorized');
    $dev->press([ _step => 'standalone' ], scope_text => 'launch/patient patient/*.rs');
    like($dev->{url}, qr{/fhir/r4/auth/authorize\?}, "a test launch leads to the endpoint's authorization page");
    $dev->sign_in('clinician', $PASSWORD);
    $dev->press([ _step => 'find' ], _find => 'amara');
    $dev->press([ _patient => 'p1' ]);
    $dev->press([ _step => 'consent' ]);
    %{ $dev->{cookies} } = %kept;
    my $back = $dev->get($dev->{url});
    like($dev->{url}, qr{/portal/connect/back\?code=}, '  and back with a code');
    like($back->body, qr/name="secret"/, '  which asks for the secret');
    like($dev->press([ _step => 'redeem' ], secret => $new)->body,
        qr/id="token"[^>]*>HTTP 200\n.*access_token.*&quot;patient&quot;:&quot;p1&quot;/s, '  and shows the token');
    my ($given) = $dev->{page}->body =~ /&quot;access_token&quot;:&quot;([\w-]+)&quot;/;
    my ($asked, $read) = $dev->{page}->body =~ m{<pre[^>]*>(GET [^<]*)</pre>\s*<pre[^>]* id="read"[^>]*>([^<]*)</pre>};
    like($asked, qr{^GET \Q$staff\E/Patient/p1\?.*^Authorization: Bearer \Q$given\E$}sm,
        '  and reads the patient with it');
    my ($status, $record) = FHIR::Test::Browser::unescape($read) =~ /\AHTTP (\d+)\n.*?(\{.*)\z/s;
    is("$status " . JSON::PP::decode_json($record)->{birthDate}, '200 1970-03-21', '  which is shown as it came');
    is($t->get('/fhir/r4/Patient/p1', bearer($given))->status, 200, '  with a token that is good outside, too');
    $dev->get($dev->{url});
    like($dev->press([ _step => 'redeem' ], secret => $new)->body, qr/HTTP 400.*invalid_grant/s, '  once');
    $dev->get($try);
    for ([ patient => '../p1' ], [ patient => '' ], [ patient => 'p1', encounter => 'e 1' ]) {
        $dev->get($try);
        like($dev->press([ _step => 'launch' ], @$_)->body, qr/id="fault">An id of a patient/, "EHR: no id: @$_[-1]");
    }
    $dev->get($try);
    my $nobody = $dev->press([ _step => 'launch' ], patient => 'nobody');
    like($nobody->body, qr/id="launch-link"/, 'EHR: a developer is not told whether a patient exists');
    # patients to choose from: those of an endpoint without tokens that httpd opens to this client, and no others
    unlike($dev->get($try)->body, qr/Okafor|id="find"/, 'EHR: a developer sees no patients');
    # more than a page, in processes that nobody has asked for records yet: its links need keys
    $t->load(map { { resourceType => 'Patient', id => "z$_", name => [ { family => "Zeta $_" } ] } } 1 .. 9);
    $t->restart;
    $dev->{cookies}{demo} = 'open';
    like($dev->get($try)->body, qr{value="p1"[^>]*><strong>Amara Okafor</strong>}, '  an open one has a short list');
    is(scalar(() = $dev->{page}->body =~ /name="patient" value="/g), 8, '  of eight');
    unlike($dev->press([ _step => 'find' ], _find => 'ben')->body, qr/Amara/, '  a search');
    like($dev->press([ _step => 'find' ], _find => 'nobody')->body, qr/No patient was found/, '  that finds nobody');
    $dev->press([ _step => 'find' ], _find => 'amara');
    like($dev->press([ patient => 'p1' ])->body, qr{id="patient"[^>]*value="p1">.*<option value="e1">}s,
        '  and the visits of the one that is chosen');
    my $page = $dev->press([ _step => 'launch' ], encounter => 'e1');
    delete $dev->{cookies}{demo};
    like($page->body, qr{id="patient"[^>]*value="p1">.*<option value="e1" selected>}s, '  which stay');
    my ($launch_url) = $page->body =~ /href="([^"]+)" id="launch-link"/;
    my %launch = FHIR::Test::Browser::params(FHIR::Test::Browser::unescape($launch_url));
    is($launch{iss}, $staff, "EHR: the app's launch URL with iss");
    my ($code) = $w->code($staff, $app->{test}, 'clinician', 'launch patient/*.rs',
        params => { launch => $launch{launch} });
    ok($code->{code}, '  and a launch that works') or diag(explain $code);
    my $service = $p->app($dev, app => 'Counter', kind => 'backend', scope_text => 'system/Patient.rs', system => 1);
    $w->ctl('licence', 'give', $service->{test});
    $t->restart;
    $dev->get($p->url("connect/try?client=$service->{test}"));
    my $all = $dev->press([ _step => 'backend' ])->body;
    like($all, qr/id="$_"[^>]*>HTTP 200\n/, "a backend service: $_") for qw(discovery token read);
    like($all, qr/Bundle.*&quot;next&quot;/s, '  of the first of many patients');
    is($dev->get($p->url("connect/try?client=$app->{production}"))->status, 404, 'production is not tried');
    is($dev->get($p->url('connect/back?code=x&state=nothing'))->status, 404, 'a state of somebody else');
}

# ---- who may see what ----
{
    my $other = $p->developer('eve@apps.example');
    is($other->get($url)->status, 404, "another developer's app is not there");
    is($other->get($p->url("connect/try?client=$app->{test}"))->status, 404, '  nor can it be tried');
    unlike($other->get($p->url('connect'))->body, qr/Vitals/, '  nor in the list');
    unlike($other->get($p->url('connect/why'))->body, qr/expired/, '  nor its refusals');
    my ($word) = $other->get($p->url('connect/new'))->body =~ /name="_word" value="([^"]+)"/;
    $other->post($url, [ _word => $word, _step => 'remove', confirm => 'Vitals' ]);
    isnt($t->psql("SELECT count(*) FROM main.fhir_app WHERE id = '$app->{id}'"), 0, '  nor can it be removed');
    my %browsers = (none => $p->browser, developer => $other, admin => $admin, map { $_ => $p->browser }
            qw(staff patient));
    my %wanted = ('connect' => 'developer', 'connect/new' => 'developer', 'connect/account' => 'developer',
        'connect/why' => 'developer', "connect/app?id=$app->{id}" => 'developer',
        "connect/letter?id=$app->{id}&client=$app->{test}" => 'developer',
        "connect/try?client=$app->{test}" => 'developer', 'connect/back?code=x&state=y' => 'developer',
        'licences' => 'admin', "licences/app?client=$app->{test}" => 'admin');
    $p->sign_in($browsers{staff}, 'licences', 'clinician');
    $p->sign_in($browsers{patient}, 'licences', 'amara');
    for my $path (sort keys %wanted) {
        for my $role (sort keys %browsers) {
            my $body = $browsers{$role}->get($p->url($path))->body;
            is(scalar($body =~ /value="sign-in"/) || 0, $role eq $wanted{$path} ? 0 : 1, "$path: $role");
        }
    }
    for my $path ('', 'directory', 'directory/endpoints', 'directory/brands', 'help') {
        is($browsers{none}->get($p->url($path))->status, 200, "/$path is public");
    }
}

# ---- attacks ----
{
    my ($word) = $dev->get($url)->body =~ /name="_word" value="([^"]+)"/;
    my @form = (_step => 'remove', confirm => 'Vitals');
    for ([ 'no word', [ @form ], {} ], [ 'a wrong word', [ @form, _word => 'x' x 43 ], {} ],
        [ 'from another site', [ @form, _word => $word ], { 'Sec-Fetch-Site' => 'cross-site' } ]) {
        is($dev->post($url, $_->[ 1 ], %{ $_->[ 2 ] })->status, 400, "forged form: $_->[0]");
    }
    is($admin->post($link, [ _step => 'give', _word => $word ])->status, 400, 'a word of another browser');
    is($dev->post($p->url('connect/new'), [ @form, _word => $word ])->status, 400, '  or page');
    is($t->psql("SELECT count(*) FROM main.fhir_app WHERE id = '$app->{id}'"), 1, 'nothing was removed');
    is($dev->get($p->url('connect/../licences'))->body =~ /value="sign-in"/ ? 1 : 0, 1, 'no way around by the path');
    like($dev->get($url)->header('Cache-Control'), qr/no-store/, 'signed-in pages are not kept');
    unlike($t->log_text, qr/\Q$PASSWORD\E|\Q$secrets[0]\E|\Q$secrets[1]\E/, 'nothing secret is in the log');
    $dev->get($url);
    $dev->press([ _step => 'remove' ], confirm => 'Vitals');
    like($dev->{page}->body, qr/The app was removed/, 'the owner removes an app');
    is($t->psql("SELECT count(*) FROM main.fhir_client WHERE id = '$app->{test}'"), 0, '  and its clients');
    cmp_ok($t->psql("SELECT count(*) FROM main.fhir_licence_event WHERE client = '$app->{test}'"), '>', 5,
        '  but not what was decided about it');
}

# ---- the second step ----
{
    $dev->get($p->url('connect/account'));
    my ($secret) = $dev->{page}->body =~ /id="secret">([A-Z2-7]{32})</;
    like($dev->press([ _step => 'factor-on' ], code => '000000')->body, qr/wrong or was used/, 'a wrong code');
    like($dev->press([ _step => 'factor-on' ], code => FHIR::Test::Browser::totp($secret))->body,
        qr/The second step is on/, 'the second step is switched on');
    my $b = $p->sign_in($p->browser, 'connect', 'dev@apps.example');
    like($b->{page}->body, qr/Second step/, '  and asked for');
    unlike($b->get($p->url('connect'))->body, qr/Your apps/, '  without it there is nothing');
    like($dev->press([ _step => 'factor-off' ], current => 'wrong')->body, qr/password is wrong/,
        'switching it off takes the password');
    like($dev->press([ _step => 'factor-off' ], current => $PASSWORD)->body, qr/The second step is off/,
        '  which is right');
}

sub text {
    my ($key) = @_;
    my ($text) = FHIR::Test::System::read_file(FHIR::Test::source_dir() . '/htdocs/text.en') =~ /^\Q$key\E = (.*)$/m
        or die "no text $key";
    return $text;
}

sub strip { my ($body) = @_; return $body =~ s/name="_word" value="[^"]*"//gr }

$t->done;
