#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Large resources as DSTU2: converting one takes time in proportion to its size whatever list is long, both ways; and a
# page of many takes the memory of one.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(built pid_in read_file run work_dir write_file);
use JSON::PP ();
use Test::More;

my $json = JSON::PP->new->canonical->utf8;

# ---- time ----

sub concept { return { coding => [ { system => 'http://example.org', code => "c$_[0]" } ], text => "t$_[0]" } }
sub references { my ($n, $type) = @_; return [ map { { reference => "$type/x$_" } } 1 .. $n ] }
sub concepts { return [ map { concept($_) } 1 .. $_[0] ] }
my %patient = (reference => 'Patient/p');

# Resources with lists of n items: each of the ways that an item can go.
my %LONG = (
    'hops, lost items, joined texts' => sub { my ($n) = @_; return { resourceType => 'Observation', id => 'a',
            status => 'final', code => concept(0), category => concepts($n), hasMember => references($n, 'Observation'),
            note => [ map { { text => "n$_" } } 1 .. $n ] } },
    'lists of primitives, items of the same name, extensions' => sub { my ($n) = @_; return { resourceType => 'Patient',
            id => 'a', name => [ { family => 'x', given => [ map { "g$_" } 1 .. $n ],
                _given => [ map { { id => "i$_" } } 1 .. $n ] }, map { { family => "f$_" } } 1 .. $n ],
            extension => [ map { { url => "http://example.org/$_", valueString => 'x' } } 1 .. $n ] } },
    'contained resources that are made' => sub { my ($n) = @_; return { resourceType => 'Medication', id => 'a',
            code => concept(0), ingredient => [ map { { itemCodeableConcept => $_ } } @{ concepts($n) } ] } },
    'contained resources that nothing refers to' => sub { my ($n) = @_; return { resourceType => 'Observation',
            id => 'a', status => 'final', code => concept(0), contained => [ map { { resourceType => 'Patient',
                        id => "p$_", link => [ { other => { reference => '#p' . ($_ + 1) }, type => 'refer' } ] } }
                    1 .. $n ] } },
    'groups' => sub { my ($n) = @_; return { resourceType => 'Encounter', id => 'a', status => 'finished',
            class => { code => 'AMB' }, reasonReference => references($n, 'Condition'),
            diagnosis => [ map { { condition => $_ } } @{ references($n, 'Condition') } ] } },
);

# CPU seconds of converting it once; the answer is written to a file.
sub seconds {
    my ($way, $file, $to) = @_;
    my $before = (times)[2];
    my $done = run({}, built('t/unit/convert_run'), $way, $file);
    die "$file: $done->{err}" if $done->{status};
    write_file($to, $done->{out});
    return (times)[2] - $before;
}

# CPU seconds of an update by a client that was shown the lists, changed their first items, dropped their last, and
# sends them from behind.
sub update_seconds {
    my ($stored, $shown) = @_;
    my $wanted = $json->decode(read_file($shown));
    for my $list (grep { ref eq 'ARRAY' && @$_ > 2 } values %$wanted) {
        pop @$list;
        $list->[0]{id} = 'changed' if ref $list->[0] && !exists $list->[0]{resourceType};
        @$list = reverse @$list;
    }
    my $file = write_file("$shown.wanted", $json->encode($wanted));
    my $done = run({}, built('t/unit/convert_run'), 'update', $stored, $file);
    die "$shown: $done->{err}" if $done->{status};
    return $done->{err};
}

# Sixteen times as large, it takes no more than sixty times as long, or next to nothing.
for my $what (sort keys %LONG) {
    my %took;
    for my $n (1250, 20_000) {
        my $file = write_file(work_dir() . "/long-$n.json", $json->encode($LONG{$what}->($n)));
        $took{out}{$n} = seconds(out => $file, "$file.dstu2");
        $took{in}{$n} = seconds(in => "$file.dstu2", "$file.r4");
        $took{update}{$n} = update_seconds($file, "$file.dstu2");
    }
    for my $way (qw(out in update)) {
        my ($small, $large) = @{ $took{$way} }{ 1250, 20_000 };
        ok $large < 1 || $large < 60 * $small, sprintf '%s, %s: %.2f s for 1,250, %.2f s for 20,000', $what, $way,
            $small, $large;
    }
}

# ---- memory ----

my $t = FHIR::Test->new(endpoints => <<'CONF');
<Location "/dev/dstu2">
    FHIREndpoint DSTU2 open
    FHIRTenant main
    Require local
</Location>
CONF
my $n = 12;    # of half a megabyte each
$t->load(map { { %{ $LONG{'hops, lost items, joined texts'}->(2500) }, id => "o$_" } } 1 .. $n);

# The most memory that a child of httpd ever had, in megabytes.
sub peak {
    my $pid = pid_in($t->httpd->{pid_file});
    my ($most) = sort { $b <=> $a } map { read_file("/proc/$_/status") =~ /^VmHWM:\s+(\d+)/m ? $1 / 1024 : 0 }
        split ' ', read_file("/proc/$pid/task/$pid/children");
    return $most;
}

$t->get('/dev/dstu2/metadata');
my $first = peak();
is $t->get('/dev/dstu2/Observation/o1')->status, 200, 'one';
my $one = peak();
my $page = $t->get("/dev/dstu2/Observation?_count=$n")->body;
is scalar(() = $page =~ /"fullUrl"/g), $n, 'a page of them';
my $all = peak();
cmp_ok $all - $first, '<', 3 * ($one - $first), sprintf 'takes %.1f MB, one of them %.1f MB', $all - $first,
    $one - $first;
$t->done;
