#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# A second opinion on base faults: what npm "fhir" refuses in a resource that it took before the fault,
# is refused. It knows less than ours (no formats, no invariants), so it is not asked the other way.
use strict;
use warnings;
use FHIR::Test::Node qw(node);
use FHIR::Test::System qw(built read_file run source_dir work_dir write_file);
use JSON::PP ();
use Test::More;

my $pairs = source_dir() . '/../shared/fhir/r4/pairs';
plan skip_all => 'HL7\'s examples are not beside the source tree' unless -d $pairs;
plan skip_all => 'no node or npm' if system('node -v >/dev/null 2>&1 && npm -v >/dev/null 2>&1') != 0;

my $json = JSON::PP->new->utf8->canonical->allow_bignum;

# Faults of one member: each changes the copy that it is given.
my @FAULTS = (
    sub { my ($o, $name) = @_; delete $o->{$name}; return },
    sub { my ($o, $name) = @_; $o->{"${name}x"} = delete $o->{$name}; return },
    sub { my ($o, $name) = @_; $o->{$name} = ref $o->{$name} eq 'ARRAY' ? $o->{$name}[0] : [ $o->{$name} ]; return },
    sub { my ($o, $name) = @_; $o->{$name} = ref $o->{$name} ? 'x' : { x => 'y' }; return },
    sub { my ($o, $name) = @_; $o->{$name} = 'no-such-code'; return },
);

# Numbers of the lines that are refused.
sub ours {
    my $done = run({}, built('fhirctl'), 'validate', '--quiet', '--level', 'base', shift);
    return { map { $_ => 1 } $done->{out} =~ /^[^\n]*?:(\d+):\d+: error /mg };
}

sub theirs {
    my $done = node('fhir-lines.js', shift);
    is($done->{status}, 0, 'npm fhir ran') or diag $done->{err};
    return { map { /^(\d+) (.*)/ ? ($1 => $2) : () } split /\n/, $done->{out} };
}

my (@lines, @names);
for my $file (glob "$pairs/*.json") {
    my $text = read_file($file);
    next if length $text > 20_000;
    push @lines, $json->encode($json->decode($text));
    push @names, $file =~ s{.*/}{}r;
}
my $before = theirs(write_file(work_dir() . '/before.ndjson', join "\n", @lines));
my (@faulty, @what);
my $turn = 0;
for my $i (0 .. $#lines) {
    next if $before->{ $i + 1 };
    my @members = grep { !/^(?:resourceType|text|contained|_.*)$/ } sort keys %{ $json->decode($lines[$i]) };
    for my $fault (0 .. $#FAULTS) {
        my $copy = $json->decode($lines[$i]);
        my $member = $members[ $turn++ % @members ];
        $FAULTS[$fault]->($copy, $member);
        push @faulty, $json->encode($copy);
        push @what, "$names[$i]: fault $fault of $member";
    }
}
write_file(work_dir() . '/faulty.ndjson', join "\n", @faulty);
my ($ours, $theirs) = (ours(work_dir() . '/faulty.ndjson'), theirs(work_dir() . '/faulty.ndjson'));
cmp_ok(scalar keys %$theirs, '>', 300, 'npm fhir refuses many');
my @looser = grep { !$ours->{$_} } sort { $a <=> $b } keys %$theirs;
is(join("\n", map { "$what[ $_ - 1 ]: $theirs->{$_}" } @looser), '', 'what it refuses is refused');
note scalar(@faulty) . ' faults, ' . scalar(keys %$theirs) . ' refused by npm fhir, ' . scalar(keys %$ours)
    . ' by ours';
done_testing;
