#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Conditional create and update from many clients on two servers at once: one resource, no lost write.
use strict;
use warnings;
use FHIR::Test;
use HTTP::Tiny;
use Test::More;

my $CLIENTS = 8;
my $ROUNDS  = 1000;

my @servers = (processes => 2, threads => 8, conf => "FHIRUpdateCreate On\nFHIRRequireIfMatch Off\n");
my $t = FHIR::Test->new(@servers);
my @bases = map { $_->url('/dev/r4') } $t->httpd, $t->second(@servers);

# Runs the code in as many processes as there are clients; their lines, all together.
sub clients {
    my ($code) = @_;
    my @pipes = map {
        my $n = $_;
        my $pid = open(my $from, '-|') // die "fork: $!";
        if (!$pid) {
            $| = 1;
            my $http = HTTP::Tiny->new(keep_alive => 1, timeout => 60);
            $code->($n, sub {
                    my ($method, $path, $json, %headers) = @_;
                    return $http->request($method, $bases[$n % 2] . $path, { content => $json,
                        headers => { 'Content-Type' => 'application/fhir+json',
                            Prefer => 'return=minimal', %headers } });
                });
            close STDOUT;
            require POSIX;
            POSIX::_exit(0);
        }
        $from;
    } 1 .. $CLIENTS;
    return map { my $from = $_; <$from> } @pipes;
}

sub body { return qq({"resourceType":"Patient","identifier":[{"system":"urn:race","value":"$_[0]"}]$_[1]}) }

# ---- conditional create: each round is one identifier, which all clients want to create ----

my @lines = clients(sub {
    my ($n, $send) = @_;
    for my $round (1 .. $ROUNDS) {
        my $r = $send->(POST => '/Patient', body($round, ''), 'If-None-Exist' => "identifier=urn:race|$round");
        print "$round $r->{status}\n";
    }
});
my %status;
$status{$_}++ for map { (split)[1] } @lines;
is_deeply \%status, { 201 => $ROUNDS, 200 => $ROUNDS * ($CLIENTS - 1) },
    "of $CLIENTS clients one creates, the others find";
is $t->psql("SELECT count(*), count(DISTINCT identifier) FROM main.patient"), "$ROUNDS|$ROUNDS",
    "$ROUNDS rounds leave $ROUNDS resources";

# ---- conditional update: all clients write one resource that is not there at first ----

my $each = $ROUNDS / $CLIENTS;
@lines = clients(sub {
    my ($n, $send) = @_;
    for my $round (1 .. $each) {
        my $r = $send->(PUT => '/Patient?identifier=urn:race|one', body('one', qq(,"name":[{"family":"$n-$round"}])));
        print "$n-$round $r->{status} ", ($r->{headers}{etag} // ''), "\n";
    }
});
my (%etags, %by);
for (@lines) {
    my ($name, $code, $etag) = split;
    $by{$code}++;
    push @{ $etags{ $etag // '' } }, $name;
}
is_deeply \%by, { 201 => 1, 200 => $ROUNDS - 1 }, 'one update creates, all others update';
is scalar(keys %etags), $ROUNDS, 'each made a version of its own';
my ($versions, $distinct, $highest) = split /\|/, $t->psql(q{
    SELECT count(*), count(DISTINCT version), max(version) FROM (
        SELECT version FROM main.patient WHERE identifier && '{urn:race|one}'
        UNION ALL SELECT h.version FROM main.patient_history h JOIN main.patient p USING (id)
            WHERE p.identifier && '{urn:race|one}') v});
is "$versions $distinct $highest", "$ROUNDS $ROUNDS $ROUNDS", 'the history has each version once';
my ($id) = $t->get('/dev/r4/Patient?identifier=urn:race|one')->ids;
my @wrong = grep {
    my ($version) = /(\d+)/;
    my $family = $t->get("/dev/r4/Patient/$id/_history/$version")->json->{name}[0]{family};
    $etags{$_}[0] ne $family;
} (sort keys %etags)[ map { $_ * 10 } 0 .. 49 ];
is "@wrong", '', 'and in each version what its client wrote';

# ---- one id that comes to life and dies again and again ----

@lines = clients(sub {
    my ($n, $send) = @_;
    for my $round (1 .. $each) {
        my $r = ($n + $round) % 3 ? $send->(PUT => '/Patient/phoenix',
            qq({"resourceType":"Patient","id":"phoenix","name":[{"family":"$n-$round"}]}))
            : $send->(DELETE => '/Patient/phoenix', '');
        print "$r->{status} ", ($r->{headers}{etag} // '-'), "\n";
    }
});
is join(' ', grep { !/^(?:20[014]|409) / } @lines), '', 'updates and deletions of one id';
my @made = grep { /^20[014] W/ } @lines;
is scalar(keys %{ { map { $_ => 1 } map { (split)[1] } @made } }), scalar(@made), 'each made a version of its own';
is $t->psql(q{SELECT count(*) = max(version) AND count(DISTINCT version) = count(*) FROM (SELECT version FROM
    main.patient
    WHERE id = 'phoenix' UNION ALL SELECT version FROM main.patient_history WHERE id = 'phoenix') v}), 't',
    'and the history has each once, without gaps';

$t->done;
