#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The table of the conversion against HL7's structure maps: each element that these send somewhere goes
# there, or the difference is listed here with its reason; and what cites the maps is in them.
use strict;
use warnings;
use FHIR::Test::System qw(built read_file run source_dir);
use Test::More;

# R4 element => why it does not go where HL7's maps send it.
my @ELSEWHERE = (
    [ qr/^CarePlan\.(?:basedOn|replaces) CarePlan\.relatedPlan\.code$/ => 'is set where a path of the table says so' ],
    [ qr/^Observation\.(?:hasMember|derivedFrom) Observation\.related\.type$/ => 'is set, too' ],
    [ qr/^CarePlan\.careTeam / => 'DSTU2 has no such element' ],
    [ qr/^Goal\.target Goal\.target$/ => 'DSTU2 has no such element: the first due date is targetDate' ],
    [ qr/^DocumentReference\.context\.related \S+\.identifier$/ => "the table has it from the reference's identifier" ],
    [ qr/^Encounter\.basedOn / => 'referrals are not served' ],
    [ qr/^Meta\.profile / => 'profiles are of a release' ],
    [ qr/^Observation\.component\.referenceRange\./ => 'is of the type Observation.referenceRange' ],
    [ qr/^Provenance\.entity\.agent\./ => 'is of the type Provenance.agent' ],
    [ qr/^OperationOutcome\.issue\.location / => 'is made of the expression' ],
    [ qr/statusReason\.text \S+\.text$/ => 'is the text of the concept that goes there' ],
    [ qr/^Annotation\.text string\.value$/ => 'an Annotation as a text: several become one' ],
);
# Rows that cite the maps where these say it otherwise than as "this element goes to that one".
my @CITED = (
    [ qr/\.extension\.value\w+ / => 'an extension of that url carries it' ],
    [ qr/^PractitionerRole\./ => 'a group that looks for the roles of a practitioner' ],
    [ qr/^DocumentReference\.context\.related\.identifier / => 'from the reference that has the identifier' ],
);

sub lines { return map { [ split ' ' ] } grep { !/^#/ } split /\n/, $_[0] }
my $done = run({}, built('t/unit/convert_run'), 'rows');
is $done->{status}, 0, 'the table is written' or diag $done->{err};
my @rows = lines($done->{out});
my @facts = lines(read_file(source_dir() . '/t/dstu2-maps.tsv'));
cmp_ok scalar @facts, '>', 600, scalar(@facts) . ' facts';
cmp_ok scalar @rows, '>', 1000, scalar(@rows) . ' rows';

# A choice has the name of its type behind it in the table, none in the maps: "onsetAge", "onset".
sub same { my ($row, $fact) = @_;
    my $pattern = join '\.', map { "\Q$_\E(?:[A-Z]\\w*)?" } split /\./, $fact;
    return $row =~ /^$pattern$/ }
my %by_type;
push @{ $by_type{ $_->[0] =~ s/\..*//r } }, $_ for @rows;
sub goes { my ($from, $to) = @_;
    return scalar grep { same($_->[0], $from) && same($_->[1] =~ s/^(\Q$to\E)\..*/$1/r, $to) }
        @{ $by_type{ $from =~ s/\..*//r } || [] } }

# What a fact is about: also the concept that has a code, and what is a text or reference in one release.
sub sources { my ($from) = @_; return ($from, $from =~ s/\.(?:coding(?:\.code)?|reference|text)$//r) }

my @missing;
for my $fact (grep { $_->[2] ne 'in' } @facts) {
    my ($from, $to) = @$fact;
    next if $from =~ /\bextension\b|^\w+$/ or grep { goes($_, $to) } sources($from);
    push @missing, "$from $to" unless grep { "$from $to" =~ $_->[0] } @ELSEWHERE;
}
is_deeply \@missing, [], 'each element goes where the maps send it';
for my $known (@ELSEWHERE) {
    ok +(grep { "$_->[0] $_->[1]" =~ $known->[0] } @facts), "the maps still say otherwise: $known->[1]";
}

my @uncited;
for my $row (grep { $_->[2] eq 'HL7' && $_->[1] ne '-' } @rows) {
    my ($from, $to) = @$row;
    my @of = grep { my $fact = $_; same($to, $fact->[1]) && grep { same($from, $_) } sources($fact->[0]) } @facts;
    push @uncited, "$from $to" unless @of || grep { "$from $to" =~ $_->[0] } @CITED;
}
is_deeply \@uncited, [], 'what cites the maps is in them';
done_testing;
