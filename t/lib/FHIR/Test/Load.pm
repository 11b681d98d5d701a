# SPDX-License-Identifier: Apache-2.0
# Clients that write and read while something goes wrong, and the judgement afterwards: of what was
# acknowledged nothing is lost, nothing is stored twice, nothing that was refused is stored, no answer
# is another resource's, no process ended, and two seconds after the end of the fault all is well.
#
#     my $load = FHIR::Test::Load->start($t, clients => 4);
#     … break something …
#     $load->ended;                 # the fault is over
#     sleep 3;
#     $load->judge('the fault');    # tests; returns the answers: [begun, status, kind, nonce, …]
package FHIR::Test::Load;

use strict;
use warnings;
use FHIR::Test::System qw(patience read_file work_dir);
use HTTP::Tiny;
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $loads = 0;
my @TYPES = qw(Patient Observation);

# Options: clients (4), servers ([$t]: httpds that are asked in turn), processes => 0 (workers may end).
sub start {
    my ($class, $t, %options) = @_;
    my $self = bless { t => $t, clients => 4, servers => [$t], %options,
        file => work_dir() . '/load' . ++$loads }, $class;
    $self->{workers} = [ map { $_->children } @{ $self->{servers} } ];
    $self->{begun} = time;
    for my $n (1 .. $self->{clients}) {
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            $self->client($n);
            POSIX::_exit(0);
        }
        push @{ $self->{pids} }, $pid;
    }
    return $self;
}

# Every second client repeats, with an Idempotency-Key, what was not acknowledged.
sub client {
    my ($self, $n) = @_;
    open my $out, '>', "$self->{file}.$n" or die $!;
    my @base = map { $_->url('/dev/r4') } @{ $self->{servers} };
    my $http = HTTP::Tiny->new(timeout => patience(10), keep_alive => 0);
    my $last;
    for (my $i = 0; !-e "$self->{file}.stop"; $i++) {
        my ($type, $nonce) = ($TYPES[ $i % 2 ], "$loads-$n-$i");
        my $begun = time;
        my $stored = create($http, $base[ $i % @base ], $type, $nonce, $n % 2 ? $nonce : '');
        print {$out} sprintf "%.3f %s create %s %s %.3f\n", $begun, $stored->{status}, $nonce, $type, time - $begun;
        $last = [ $type, $stored->{id}, $nonce ] if $stored->{id};
        redo_keyed($self, $http, $out, \@base, $type, $nonce) if $n % 2 && $stored->{status} != 201;
        print {$out} look($http, $base[ ($i + 1) % @base ], @$last, $i % 3) if $last;
    }
    return;
}

sub create {
    my ($http, $base, $type, $nonce, $key) = @_;
    my $code = $type eq 'Observation' ? ',"status":"final","code":{"text":"x"}' : '';
    my $r = $http->post("$base/$type", { headers => { 'Content-Type' => 'application/fhir+json',
                ($key ? ('Idempotency-Key' => $key) : ()) },
            content => qq({"resourceType":"$type","identifier":[{"system":"urn:load","value":"$nonce"}]$code}) });
    my ($id) = ($r->{headers}{location} // '') =~ m{/\Q$type\E/([^/]+)/_history/1$};
    $r->{status} = 'wrong' if $r->{status} == 201 && (!$id || $r->{content} !~ /"\Q$nonce\E"/);
    return { status => $r->{status}, id => $r->{status} eq '201' ? $id : undef };
}

sub redo_keyed {
    my ($self, $http, $out, $base, $type, $nonce) = @_;
    for my $try (1 .. 200) {
        my ($begun, $stored) = (time, create($http, $base->[ $try % @$base ], $type, $nonce, $nonce));
        print {$out} sprintf "%.3f %s create %s %s %.3f\n", $begun, $stored->{status}, $nonce, $type, time - $begun;
        return if $stored->{status} eq '201' || $stored->{status} eq 'wrong';
        sleep 0.1;
    }
    return;
}

# Reads or searches what this client stored last.
sub look {
    my ($http, $base, $type, $id, $nonce, $how) = @_;
    my $path = $how ? "$type/$id" : "$type?identifier=urn:load|$nonce";
    my ($begun, $r) = (time, $http->get("$base/$path"));
    my $status = $r->{status};
    if ($status == 200) {
        my $found = eval { JSON::PP::decode_json($r->{content}) } || {};
        my $is = $how ? $found : ($found->{entry} || [])->[0]{resource} || {};
        my $right = ($is->{resourceType} // '') eq $type && ($is->{id} // '') eq $id
            && ($is->{identifier}[0]{value} // '') eq $nonce;
        $status = 'wrong' unless $right && ($how || @{ $found->{entry} } == 1);
    }
    return sprintf "%.3f %s %s %s %s %.3f\n", $begun, $status, $how ? 'read' : 'search', $nonce, $type, time - $begun;
}

# How long a fault lasts: FHIR_TEST_FAULT_FACTOR=20 for a long run.
sub pause { my ($self, $seconds) = @_; sleep $seconds * ($ENV{FHIR_TEST_FAULT_FACTOR} || 1); return }

sub ended { my ($self) = @_; $self->{ended} = time; return }

sub stop {
    my ($self) = @_;
    return if $self->{stopped}++;
    open my $file, '>', "$self->{file}.stop";
    waitpid $_, 0 for @{ $self->{pids} };
    $self->{answers} = [ sort { $a->[0] <=> $b->[0] } map { [ split ' ' ] } map { split /\n/ }
            map { read_file("$self->{file}.$_") } 1 .. $self->{clients} ];
    return;
}

# How many rows hold each nonce of this load.
sub stored {
    my ($self) = @_;
    my $rows = join ' UNION ALL ', map { "SELECT resource FROM main.\L$_" } @TYPES;
    return map { split /\|/ } split /\n/, $self->{t}->psql(
        "SELECT resource::json->'identifier'->0->>'value', count(*) FROM ($rows) r "
            . "WHERE resource LIKE '%\"urn:load\"%' GROUP BY 1");
}

sub judge {
    my ($self, $name) = @_;
    $self->stop;
    my @answers = @{ $self->{answers} };
    my %stored = $self->stored;
    my (%acknowledged, %refused, %seen);
    for my $answer (@answers) {
        my (undef, $status, $kind, $nonce) = @$answer;
        $seen{$status}++;
        next if $kind ne 'create';
        $acknowledged{$nonce} = 1 if $status eq '201';
        $refused{$nonce} = $status eq '503' && ($refused{$nonce} // 1);
    }
    my $first = sub { join ' ', grep { defined } @_[ 0 .. 3 ] };
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    note join ' ', "$name:", scalar @answers, 'answers:', map { "$_ x $seen{$_}" } sort keys %seen;
    is $first->(grep { !$stored{$_} } sort keys %acknowledged), '', "$name: nothing acknowledged is lost";
    is $first->(grep { $stored{$_} > 1 } sort keys %stored), '', 'nothing is stored twice';
    is $first->(grep { $refused{$_} && $stored{$_} } sort keys %refused), '', 'nothing that was refused is stored';
    is $first->(map { "@$_" } grep { $_->[1] eq 'wrong' } @answers), '', 'no answer is wrong';
    is $first->(map { "@$_" } grep { $_->[1] !~ /^(?:20[01]|50[34])$/ } @answers), '',
        'or anything but 200, 201, 503, 504';
    my $calm = ($self->{ended} // $self->{begun}) + 2;
    my @after = grep { $_->[0] > $calm } @answers;
    is $first->(map { "@$_" } grep { $_->[1] !~ /^20/ } @after), '', 'all is well two seconds after its end';
    cmp_ok scalar @after, '>', 10, scalar(@after) . ' answers then';
    my %now = map { $_ => 1 } map { $_->children } @{ $self->{servers} };
    is $first->(grep { !$now{$_} } @{ $self->{workers} }), '', 'no process ended' if $self->{processes} // 1;
    return @answers;
}

1;
