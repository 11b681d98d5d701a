# SPDX-License-Identifier: Apache-2.0
# An app at several practices: the developer asks them on the app's page and sees what each has decided; each practice
# has a copy that follows the original, and decides for itself.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::Browser;
use FHIR::Test::Portal;
use Test::More;

my $p = FHIR::Test::Portal->new(portal => 'FHIRPortalPractices 1', conf => <<'CONF');
<Location "/hill/r4">
    FHIREndpoint R4 provider
    FHIRTenant hill
    FHIRPracticeName "Hillside & <Sons>"
</Location>
<Location "/hill/portal">
    FHIRPortal On
    FHIRTenant hill
    FHIRPracticeName "Hillside & <Sons>"
</Location>
<Location "/vale/r4">
    FHIREndpoint R4 provider
    FHIRTenant vale
    FHIRPracticeName "Vale Clinic"
</Location>
<Location "/gone/r4">
    FHIREndpoint R4 patient
    FHIRTenant gone
    FHIRPracticeName "Gone"
</Location>
CONF
my ($t, $w) = @$p{ qw(t world) };
for my $tenant (qw(hill vale)) {
    $t->fhirctl('init', '--tenant', $tenant, '--indexes', 'patient', '--role', 'fhir_server');
}
my @hill = ('--tenant', 'hill', '--password-file', $w->{file});
$w->ctl('user', 'add', 'boss', '--kind', 'admin', @hill);
$w->ctl('user', 'add', 'local@apps.example', '--kind', 'developer', @hill);
wait_for(sub { $t->get('/portal/directory?q=hillside')->body =~ /state-good/ }, 15);

my $dev = $p->developer('dev@apps.example');
my $app = $p->app($dev, app => 'Night <Shift>', kind => 'backend-secret', scope_text => 'system/Patient.rs',
    system => 1, staff => undef);
my $url = $p->url("connect/app?id=$app->{id}");

# What the page says of each practice: "practice environment state words".
sub places {
    my ($query) = @_;
    my $page = $dev->get($url . ($query // ''), Accept => 'application/json')->json;
    return join '; ', map { join ' ', grep { defined && length } @$_{ qw(tenant env_name state said) } }
        @{ $page->{places} };
}

sub ask {
    my ($practice, $client, $note) = @_;
    my ($word) = $dev->get($url)->body =~ /name="_word" value="([^"]+)"/;
    $dev->follow($dev->post($url, [ _word => $word, _step => 'ask-practice', practice => $practice,
                client => $client, note => $note // '' ]));
    return $dev->{page}->body =~ /id="fault">([^<]*)/ ? $1 : $dev->{page}->body =~ /id="message">([^<]*)/ ? $1 : '';
}
my $own = 'main test state-none; main production state-none';

# ---- asking ----
is(places(), $own, "the app's page has its own practice");
{
    my $page = $dev->get($url, Accept => 'application/json')->json;
    is(join(' ', map { $_->{tenant} } @{ $page->{others} }), 'gone hill vale', 'practices that can be asked');
    $page = $dev->get("$url&q=hill+sons", Accept => 'application/json')->json;
    is(join(' ', map { $_->{place_name} } @{ $page->{others} }), 'Hillside & <Sons>', '  a search');
    like($dev->get("$url&q=nowhere")->body, qr/No practice is found/, '  that finds nothing');
    like($dev->get($url)->body, qr/Hillside &amp; &lt;Sons&gt;/, '  as text');
}
like(ask('hill', $app->{test}, 'x' x 2001), qr/at most 2000/, 'a message that is too long');
for my $practice (qw(main gone nowhere), '') {
    like(ask($practice, $app->{test}), qr/cannot be asked/, "not asked: '$practice'");
}
is(ask('hill', $app->{production}, 'We count <b>beds</b>'), 'The practice sees your request now.', 'asked');
like(ask('vale', $app->{production}), qr/sent to 1 practices, which is the most/, 'FHIRPortalPractices limits it');
is(places(), "$own; hill production state-asked", 'it waits');
is(places('&q=hillside'), 'hill production state-asked', '  found by the practice');
is($t->psql("SELECT count(*) FROM main.fhir_licence WHERE client = '$app->{production}'"), 0,
    '  and nothing was asked of another practice');

# ---- the other practice ----
my $boss = $p->browser;
$boss->get($t->url('/hill/portal/licences'));
$boss->sign_in('boss', $FHIR::Test::Auth::PASSWORD);
my $maker = qr/Dev dev\@apps\.example, Vital Apps Inc\./;
like($boss->{page}->body, qr/Waiting for.*Night &lt;Shift&gt;.*$maker.*We count &lt;b&gt;.*All apps/s,
    'it waits there, with its maker');
my $letter = $dev->get($p->url("connect/letter?id=$app->{id}&client=$app->{production}&practice=hill"))->body;
like($letter, qr/To the administrator of Hillside &amp; &lt;Sons&gt;/, 'the letter is to this practice');
my ($link) = $dev->get($p->url("connect/letter?id=$app->{id}&client=$app->{production}&practice=hill"))->body
    =~ /href="([^"]*)" id="approve"/;
is($link, $t->url("/hill/portal/licences/app?client=$app->{production}"), 'the letter has its address');
my $none = $dev->get($p->url("connect/letter?id=$app->{id}&client=$app->{production}&practice=vale"))->body;
unlike($none, qr/id="approve"/, '  none where there is no portal');
like($none, qr/fhirctl licence give/, '  but what to do');
like($boss->get($link)->body, qr/Registered at<\/dt><dd>Lakeside Family Practice/,
    'its page says where it is registered');
$boss->press([ _step => 'refuse' ], words => 'Not <i>now</i>');
is(places(), "$own; hill production state-refused Not <i>now</i>", 'refused, with words');
like($dev->get($url)->body, qr/Not &lt;i&gt;now/, '  as text');
is(ask('hill', $app->{production}), 'The practice sees your request now.', 'asked again');
$boss->get($link);
$boss->press([ _step => 'give' ], secret_grant => 1, to_system => 1, words => 'Welcome', until => '2099-12-31');
is(places(), "$own; hill production state-given Welcome", 'authorized');
is($dev->get($url, Accept => 'application/json')->json->{places}[ 2 ]{until}, '2099-12-31', '  until a day');
ask('hill', $app->{production});
is(places(), "$own; hill production state-given Welcome", '  which asking again does not change');
{
    my $limits = sub { return join '; ', map { $_->{limited_to} // () }
            @{ $dev->get($url, Accept => 'application/json')->json->{places} } };
    is($limits->(), '', '  for all facilities');
    $t->psql("INSERT INTO hill.organization (id, version, last_updated, resource) VALUES ('hall', 1, now(), "
            . "'{\"resourceType\":\"Organization\",\"id\":\"hall\",\"name\":\"Hall <of> Hill\"}')");
    $t->psql("UPDATE hill.fhir_licence SET system = false, staff = true, facilities = '{hall,ward}'");
    is($limits->(), 'Hall <of> Hill, ward', '  the developer sees the facilities of another practice');
    like($dev->get($url)->body, qr/Hall &lt;of&gt; Hill, ward/, '  as text');
    $t->psql("UPDATE hill.fhir_licence SET expires = now() - interval '1 day'");
    is($limits->(), '', '  not of an authorization that has ended');
    $t->psql("UPDATE hill.fhir_licence SET system = true, staff = false, facilities = '{}', expires = '2099-12-31'");
}

# ---- the copy follows the original ----
my $hill = $t->url('/hill/r4');
sub token {
    my ($base, $secret) = @_;
    return $w->form($base, 'token', [ grant_type => 'client_credentials', scope => 'system/Patient.rs' ],
        Authorization => FHIR::Test::Browser::basic($app->{production}, $secret))->json;
}
$dev->get($url);
my ($secret) = $dev->press([ _step => 'secret', $app->{production} ])->body =~ /id="new-secret">([\w-]{43})</;
my $token = token($hill, $secret);
is($token->{scope}, 'system/Patient.rs', 'a token of the other practice, with a secret that is newer than its copy');
my %h = bearer($token->{access_token});
is($t->get('/hill/r4/Patient', %h)->status, 200, '  reads there');
is(token($w->{staff}, $secret)->{error}, 'unauthorized_client', 'its own practice has not authorized it');
$dev->get($url);
$dev->press([ _step => 'save-app' ], app => 'Day Shift', scope_text => 'system/*.rs', staff => undef, system => 1);
like($boss->get($link)->body, qr/<h1>Day Shift/, 'a new name is there');
is($t->psql('SELECT scopes FROM hill.fhir_licence'), 'system/Patient.rs', '  wider scopes are not granted by it');
{
    my $rows = "SELECT (SELECT string_agg(xmin::text, ' ' ORDER BY id) FROM hill.fhir_client), (SELECT "
        . "string_agg(xmin::text, ' ' ORDER BY digest) FROM hill.fhir_client_secret)";
    my $before = $t->psql($rows);
    $dev->get($url);
    $dev->press([ _step => 'save-app' ], app => 'Day Shift', description => 'It counts beds',
        scope_text => 'system/*.rs', staff => undef, system => 1);
    is($t->psql('SELECT description FROM hill.fhir_app'), 'It counts beds', 'a new description is there');
    is($t->psql($rows), $before, '  and nothing else is written');
}
$dev->get($p->url('connect/account'));
my ($secret_id) = $dev->get($url)->body =~ /name="secret" value="(\w{16})"/;
$dev->press([ _step => 'end-secret', $secret_id ]);
is(token($hill, $secret)->{error}, 'invalid_client', 'a secret that was ended has ended there');
like($dev->get($p->url('connect/why'))->body,
    qr{token</span> <span class="badge">Hillside &amp; &lt;Sons&gt;</span>.*expired}s,
    '  and "why was I refused?" has it');
$boss->get($link);
$boss->press([ _step => 'withdraw' ], words => 'Too much');
ok(wait_for(sub { $t->get('/hill/r4/Patient', %h)->status == 401 }, 5), 'withdrawn: its tokens have ended');
is(places(), "$own; hill production state-withdrawn Too much", '  and the developer sees it');

# ---- the practice removes it, disables it, or has another one ----
$w->ctl('app', 'remove', $app->{production}, '--tenant', 'hill');
is(places(), "$own; hill state-none", 'removed by the practice');
$dev->get($url);
$dev->press([ _step => 'save-app' ], app => 'Day Shift', scope_text => 'system/*.rs', staff => undef, system => 1);
is($t->psql('SELECT count(*) FROM hill.fhir_client'), 1, '  saving does not bring it back');
ask('hill', $app->{production});
is(places(), "$own; hill production state-asked", '  asking again does');
is($t->psql('SELECT count(*) FROM hill.fhir_client_secret WHERE expires > now()'), 0, '  without valid secrets');
$t->psql("UPDATE main.fhir_client SET disabled = now() WHERE id = '$app->{production}'");
is($t->psql("SELECT count(*) FROM hill.fhir_client WHERE disabled IS NOT NULL"), 1, 'disabled is disabled everywhere');
$t->psql("UPDATE main.fhir_client SET disabled = NULL WHERE id = '$app->{production}'");
my $other = $p->app($dev, app => 'Other', kind => 'public');
$url = $p->url("connect/app?id=$other->{id}");
like(ask('hill', $other->{test}), qr/Add a callback URL first/, 'an app without callbacks does not ask');
$dev->press([ _step => 'save', $other->{test} ], redirects => 'https://app.example/cb');
$t->psql("INSERT INTO hill.fhir_client (id, name, auth) VALUES ('$other->{test}', 'Theirs', 'none')");
like(ask('hill', $other->{test}), qr/another app with this client id/, 'an id that the practice has given to another');
is($t->psql("SELECT name FROM hill.fhir_client WHERE id = '$other->{test}'"), 'Theirs', '  which stays as it is');
is(places(), $own, '  and nothing is listed');
$url = $p->url("connect/app?id=$app->{id}");

# ---- whose app, which portal ----
{
    my $eve = $p->developer('eve@apps.example');
    my $hers = $p->app($eve, app => 'Hers', kind => 'backend-secret', scope_text => 'system/*.rs', system => 1);
    my ($word) = $eve->get($p->url("connect/app?id=$hers->{id}"))->body =~ /name="_word" value="([^"]+)"/;
    is($eve->post($p->url("connect/app?id=$hers->{id}"), [ _word => $word, _step => 'ask-practice',
                practice => 'vale', client => $app->{test} ])->status, 404, "nobody asks for another's app");
    unlike($eve->get($p->url('connect/why'))->body, qr/Day Shift/, '  or sees its refusals');
    my $local = $p->browser;
    $local->get($t->url('/hill/portal/connect'));
    $local->sign_in('local@apps.example', $FHIR::Test::Auth::PASSWORD);
    unlike($local->{page}->body, qr/Day Shift/, "a copy is in no developer's list");
    $local->get($t->url('/hill/portal/connect/new'));
    $local->press([ _step => 'create' ], app => 'Local', kind => 'backend-secret', system => 1,
        scope_text => 'system/*.rs');
    unlike($local->{page}->body, qr/ask-practice/, 'without FHIRPortalPractices no other practice is offered');
    my ($client) = $local->{page}->body =~ /id="production".*?name="client" value="([\w-]+)"/s;
    ($word) = $local->{page}->body =~ /name="_word" value="([^"]+)"/;
    my $refused = $local->post($local->{url}, [ _word => $word, _step => 'ask-practice', practice => 'vale',
            client => $client ]);
    like($refused->body, qr/cannot be asked/, '  or asked');
    is($t->psql('SELECT count(*) FROM vale.fhir_client'), 0, '  and has nothing');
}

# ---- a practice that is away; the end ----
{
    $t->allow_log(qr{FHIR0701|FHIR0735});
    $t->psql('ALTER SCHEMA hill RENAME TO hill_away');
    is(places(), "$own; hill state-away", 'a practice that cannot be read is named');
    $dev->get($url);
    $dev->press([ _step => 'save-app' ], app => 'Late Shift', scope_text => 'system/*.rs', staff => undef, system => 1);
    like($dev->{page}->body, qr/Saved/, '  and does not keep others from anything');
    $t->psql('ALTER SCHEMA hill_away RENAME TO hill');
    $dev->get($url);
    $dev->press([ _step => 'remove' ], confirm => 'Late Shift');
    like($dev->{page}->body, qr/The app was removed/, 'the developer removes the app');
    is($t->psql("SELECT count(*) FROM hill.fhir_client WHERE app = '$app->{id}'"), 0, '  everywhere');
    cmp_ok($t->psql("SELECT count(*) FROM hill.fhir_licence_event WHERE client = '$app->{production}'"), '>', 4,
        '  but for what was decided about it');
}
$t->done;
