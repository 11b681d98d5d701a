# SPDX-License-Identifier: Apache-2.0
# Several servers on one database: what one begins another finishes, a revocation reaches all, a code is redeemed
# once, and nothing of it depends on a process that may die.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use IO::Select;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

my $status = "ExtendedStatus On\n<Location /server-status>\nSetHandler server-status\n</Location>\n";
my $t      = FHIR::Test->new(processes => 2, conf => $status);
my $w      = world($t);
# The second node is reached by the first one's name, as behind a balancer.
my $name      = $t->url('/fhir/r4');
my $endpoints = <<"CONF";
<Location "/fhir/r4">
    FHIREndpoint R4 provider
    FHIRBaseURL $name
</Location>
CONF
my $node = $t->second(endpoints => $endpoints, processes => 2, conf => $status);
sub status { my ($httpd, $token) = @_; return $httpd->get('/fhir/r4/Patient/p1', bearer($token))->status }
sub counts {
    my ($httpd) = @_;
    return { $httpd->get('/server-status?auto')->body =~ /FHIR: token cache:(.*)/ ? $1 =~ /(\w+)=(\d+)/g : () };
}

my ($token) = $w->launch($w->{ staff }, 'conf', 'clinician', 'user/*.rs offline_access');
my $access = $token->{ access_token };
is(status($_, $access), 200, 'a token of one node is taken by the other') for $t->httpd, $node;
ok(wait_for(sub { status($node, $access); my $n = counts($node); ($n->{ hits } // 0) > 0 }, 10), 'and kept there')
    or diag explain counts($node);
ok(wait_for(sub { status($t->httpd, $access); (counts($t->httpd)->{ hits } // 0) > 0 }, 10), 'here as well');

# ---- a revocation reaches the other node in under a second ----
my %told = (app => 'revoked by the app', practice => 'revoked by the practice', SQL => 'revoked by a query',
    expires => 'expired');
for my $how (qw(app practice expires SQL)) {
    my ($new) = $w->launch($w->{ staff }, 'conf', 'clinician', "user/*.rs offline_access");
    my $word = $new->{ access_token };
    ok( wait_for(
            sub { my $before = counts($node)->{ hits }; status($node, $word); counts($node)->{ hits } > $before }, 5),
        "$how: the token is kept by the other node");
    if    ($how eq 'app')      { $w->form($w->{ staff }, 'revoke', [ token => $word ], $w->basic) }
    elsif ($how eq 'practice') { $w->ctl('licence', 'withdraw', 'conf') }
    elsif ($how eq 'expires') { $t->psql("UPDATE main.fhir_token SET expires = now() - interval '1 s'") }
    else { $t->psql("UPDATE main.fhir_authorization SET revoked = now(), revoked_by = 'a query'") }
    my $began = time;
    is(status($t->httpd, $word), 401, '  refused here at the next request') if $how eq 'app';
    ok(wait_for(sub { status($node, $word) == 401 }, 3), '  and there');
    cmp_ok(time - $began, '<', 1.5, sprintf '  after %.2f s', time - $began);
    my $answer = $node->get('/fhir/r4/Patient/p1', bearer($word))->header('WWW-Authenticate');
    like($answer, qr/$told{$how}/, '  told why');
    $w->ctl('licence', 'give', 'conf') if $how eq 'practice';
}

# ---- while revocations cannot be heard, the database is asked ----
{
    my ($new) = $w->launch($w->{ staff }, 'conf', 'clinician', 'user/*.rs');
    my $word = $new->{ access_token };
    is(status($node, $word), 200, 'a token, before the listeners are cut');
    $_->allow_log(qr/FHIR0412/) for $t->httpd, $node;
    $t->psql(
        q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mod_fhir listener'
            AND datname = current_database()}
    );
    $t->psql("UPDATE main.fhir_token SET revoked = now(), revoked_by = 'a query'");
    my $began = time;
    ok(wait_for(sub { status($node, $word) == 401 }, 3), 'cut listeners: revoked all the same');
    cmp_ok(time - $began, '<', 1.5, sprintf '  after %.2f s', time - $began);
    my ($next) = $w->launch($w->{ staff }, 'conf', 'clinician', 'user/*.rs');
    ok( wait_for(
            sub {
                my $before = counts($node)->{ hits };
                status($node, $next->{ access_token });
                counts($node)->{ hits } > $before;
            },
            10),
        'then they listen again');
}

# ---- a process dies with the lock, or at any moment ----
{
    my ($new) = $w->launch($w->{ staff }, 'conf', 'clinician', 'user/*.rs');
    my $word = $new->{ access_token };
    $_->allow_log(qr/exit signal Killed|AH00045|AH00046|FHIR0412/) for $t->httpd, $node;
    my $good = 0;
    for (1 .. 5) {
        my ($victim) = $t->children;
        my @sockets = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->httpd->{ port }) } 1 .. 8;
        for my $s (grep { $_ } @sockets) {
            print $s "GET /fhir/r4/Patient/p1 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer $word\r\n\r\n" x 20;
        }
        kill KILL => $victim;
        close $_ for grep { $_ } @sockets;
        wait_for(
            sub {
                my $s = eval { status($t->httpd, $word) } // 0;
                $s == 200;
            },
            10) and $good++;
    }
    is($good, 5, 'killed processes stop nobody');
    my $n = counts($t->httpd);
    cmp_ok($n->{ used }, '>=', $n->{ entries }, 'the cache can still be read');
}

# ---- a graceful restart keeps the cache ----
{
    my ($new) = $w->launch($w->{ staff }, 'conf', 'clinician', 'user/*.rs');
    my $word = $new->{ access_token };
    ok( wait_for(
            sub {
                my $before = counts($t->httpd)->{ hits };
                status($t->httpd, $word);
                counts($t->httpd)->{ hits } > $before;
            },
            10),
        'a token is kept');
    my $before = counts($t->httpd)->{ puts };
    $t->graceful;
    cmp_ok(counts($t->httpd)->{ puts }, '>=', $before, 'its counters go on after a graceful restart');
    is(status($t->httpd, $word), 200, 'and the token is taken');
}

# ---- one code, two nodes, at once: exactly one wins ----
{
    my $rounds = $ENV{ FHIR_TEST_ROUNDS } || 60;
    my %seen;
    my $callback = $FHIR::Test::Auth::CALLBACK;
    $t->psql(
        qq{INSERT INTO main.fhir_authorization (client, user_id, place, issuer, scopes)
            SELECT 'conf', id, '/fhir/r4', '$name', 'user/*.rs' FROM main.fhir_user, generate_series(1, $rounds)
            WHERE name = 'clinician';
        INSERT INTO main.fhir_code (digest, authorization_id, redirect_uri, expires)
            SELECT sha256(convert_to('code' || row_number() OVER (ORDER BY id), 'UTF8')), id, '$callback',
            now() + interval '10 minutes' FROM (SELECT id FROM main.fhir_authorization ORDER BY id DESC
            LIMIT $rounds) a}
    );
    my %basic = $w->basic;
    for my $round (1 .. $rounds) {
        my $body = FHIR::Test::Browser::query(
            grant_type   => 'authorization_code',
            code         => "code$round",
            redirect_uri => $callback);
        my @sockets =
            map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $_->{ port }) or die $! } $t->httpd,
            $node;
        print $_ "POST /fhir/r4/auth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            . "Authorization: $basic{Authorization}\r\n"
            . "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
            . length($body)
            . "\r\n\r\n$body"
            for @sockets;
        $seen{ join ' ', sort map { local $/; readline($_) =~ m{^HTTP/1\.1 (\d+)} ? $1 : '?' } @sockets }++;
    }
    is_deeply(\%seen, { '200 400' => $rounds }, "$rounds codes, each redeemed twice at once: one wins");
}

$t->done;
