#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Clients write while PostgreSQL, a worker process and the whole httpd are killed with -9. Whatever
# was acknowledged must be there afterwards, histories must be linear, transactions whole.
# FHIR_TEST_CRASH_SEC=60 runs longer (default 12 seconds of writing).
use strict;
use warnings;
use FHIR::Test;
use HTTP::Tiny;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

my $SECONDS = $ENV{FHIR_TEST_CRASH_SEC} || 12;
my $CLIENTS = 16;
my $SHARED  = 4;

my $t = FHIR::Test->new(own_cluster => 1, start => 0, processes => 2, threads => 16);
$t->allow_log(qr/exit signal Killed/, qr/database|PostgreSQL|connection|AH\d+/);
my $cluster = $t->cluster;

# The test cluster does not sync; here it must be as PostgreSQL is by default.
$t->psql("ALTER SYSTEM SET $_ = on") for qw(fsync synchronous_commit full_page_writes);
$cluster->stop;
$cluster->start;
$t->start;

my $base   = $t->url('/dev/r4');
my @shared = map {
    my ($id) = $t->post('/dev/r4/Patient', { resourceType => 'Patient' })->json->{id};
    $id;
} 1 .. $SHARED;

# ---- writers: each prints what was acknowledged ----

sub family { return qq("name":[{"family":"$_[0]"}]) }

my %writer = (
    create => sub {
        my ($send, $nonce) = @_;
        my $r = $send->(POST => '/Patient', qq({"resourceType":"Patient",) . family($nonce) . '}');
        my ($id) = ($r->{headers}{location} // '') =~ m{Patient/([^/]+)/};
        return $r->{status} == 201 ? "version $id 1 $nonce" : '';
    },
    update => sub {
        my ($send, $nonce) = @_;
        my $id = $shared[ rand @shared ];
        my $now = $send->(GET => "/Patient/$id");
        return '' if $now->{status} != 200;
        my ($version) = $now->{headers}{etag} =~ /(\d+)/;
        my $r = $send->(PUT => "/Patient/$id", qq({"resourceType":"Patient","id":"$id",)
                . family($nonce) . '}', 'If-Match' => qq(W/"$version"));
        return $r->{status} == 200 ? "version $id " . ($version + 1) . " $nonce" : '';
    },
    transaction => sub {
        my ($send, $nonce) = @_;
        my $entry = qq({"request":{"method":"POST","url":"Patient"},"resource":{"resourceType":"Patient",)
            . qq("identifier":[{"system":"urn:tx","value":"$nonce"}]}});
        my $r = $send->(POST => '', qq({"resourceType":"Bundle","type":"transaction","entry":[)
                . join(',', ($entry) x 3) . ']}');
        return $r->{status} == 200 ? "transaction $nonce" : '';
    },
);

sub writer {
    my ($n, $until) = @_;
    my $http = HTTP::Tiny->new(keep_alive => 1, timeout => 10);
    my $send = sub {
        my ($method, $path, $json, %headers) = @_;
        return $http->request($method, $base . $path, { ($json ? (content => $json) : ()), headers => {
                    'Content-Type' => 'application/fhir+json', Prefer => 'return=minimal', %headers } });
    };
    srand $n;
    for (my $i = 0; time < $until; $i++) {
        my $kind = (qw(create update update transaction))[ rand 4 ];
        my $line = $writer{$kind}->($send, "$n-$i");
        print "$line\n" if $line;
        sleep 0.05 unless $line;
    }
}

my $until = time + $SECONDS;
my @pipes = map {
    my $n = $_;
    my $pid = open(my $from, '-|') // die "fork: $!";
    if (!$pid) {
        $| = 1;
        writer($n, $until);
        close STDOUT;
        require POSIX;
        POSIX::_exit(0);
    }
    $from;
} 1 .. $CLIENTS;

# ---- the killer ----

sub descendants {
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/task/$pid/children" or return;
    return map { ($_, descendants($_)) } split ' ', <$file> // '';
}

my %killed;
my @kill = (
    worker => sub { kill KILL => ($t->httpd->children)[0] },
    postgres => sub {
        open my $file, '<', "$cluster->{data}/postmaster.pid" or die $!;
        my ($pid) = <$file> =~ /(\d+)/;
        kill KILL => $pid, descendants($pid);
        # It starts again once the last of its processes has let go of the shared memory.
        wait_for(sub { eval { $cluster->start; 1 } }, 10) or die $@;
    },
    httpd => sub {
        my $pid = $t->httpd->{pid};
        my @all = ($pid, descendants($pid));
        kill KILL => @all;
        waitpid $pid, 0;
        delete $t->httpd->{pid};
        wait_for(sub { !grep { kill 0, $_ } @all }, 5);
        $t->start;
    },
);
# Each of them once, however slow the machine is.
for (my $i = 0; time < $until - 1.5 || keys %killed < @kill / 2; $i += 2) {
    sleep 1.2;
    my ($what, $do) = @kill[ $i % @kill, $i % @kill + 1 ];
    $do->();
    $killed{$what}++;
}

# ---- the verdict ----

my @acknowledged = map { my $from = $_; map { chomp; [split] } <$from> } @pipes;
wait_for(sub { $t->get('/dev/r4/Patient?_count=1')->status == 200 }, 15) or fail 'the server came back';
ok $killed{$_}, "$_ was killed " . ($killed{$_} // 0) . ' times' for qw(worker postgres httpd);
cmp_ok scalar(@acknowledged), '>', 10 * $SECONDS, scalar(@acknowledged) . ' writes were acknowledged';

my %stored;
for (split /\n/, $t->psql(q{
    SELECT id, version, resource::json->'name'->0->>'family' FROM (
        SELECT id, version, resource FROM main.patient
        UNION ALL SELECT id, version, resource FROM main.patient_history) v})) {
    my ($id, $version, $nonce) = split /\|/, $_, 3;
    push @{ $stored{"$id $version"} }, $nonce;
}
my @versions = grep { $_->[0] eq 'version' } @acknowledged;
my @lost = grep {
    my (undef, $id, $version, $nonce) = @$_;
    my $is = $stored{"$id $version"};
    !$is || $is->[0] ne $nonce;
} @versions;
is scalar(@lost), 0, 'every acknowledged version is there with what was written'
    or diag join "\n", map { "@$_" } @lost[ 0 .. 3 ];
my %acknowledged;
$acknowledged{"$_->[1] $_->[2]"}++ for @versions;
is scalar(grep { $_ > 1 } values %acknowledged), 0, 'no version was acknowledged to two clients';
is scalar(grep { @$_ > 1 } values %stored), 0, 'no version is stored twice';
is $t->psql(q{
    SELECT count(*) FROM (
        SELECT id, count(*) AS n, max(version) AS last FROM (
            SELECT id, version FROM main.patient
            UNION ALL SELECT id, version FROM main.patient_history) v GROUP BY id) h
    WHERE n <> last}), 0, 'histories have no gaps';

my %tx = map { split /\|/ } split /\n/, $t->psql(
    q{SELECT identifier[1], count(*) FROM main.patient WHERE identifier IS NOT NULL GROUP BY 1});
is scalar(grep { $_ != 3 } values %tx), 0, 'no transaction is half there';
my @tx = grep { $_->[0] eq 'transaction' } @acknowledged;
is scalar(grep { !$tx{ $_->[1] } } @tx), 0, 'all ' . @tx . ' acknowledged transactions are there';

$t->done;
