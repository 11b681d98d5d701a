#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Resources at random from the profiles of US Core and of Argonaut, there and back: elements that must be supported are
# as they were, but for what is listed here and in docs/dstu2.md. An update with what was shown, with its extensions or
# without, changes nothing at all. These, and resources at random of all served types by HL7's own definitions, are
# valid there and when they come back. FHIR_TEST_SEED chooses others, FHIR_TEST_GENERATED how many of each profile,
# FHIR_TEST_US_CORE="400 501 610 700" other versions of US Core.
use strict;
use warnings;
use FHIR::Test::System qw(built read_file run source_dir work_dir write_file);
use Test::More;

my $shared = source_dir() . '/../shared/fhir';
plan skip_all => 'the shared FHIR data is not beside the source tree' unless -d $shared;
my $seed = $ENV{FHIR_TEST_SEED} // 1;
my $each = $ENV{FHIR_TEST_GENERATED} // 15;

# The types that are served, as the program that converts has them: R4's and DSTU2's names.
my @types = map { [ /^\s*\{"(\w+)", "(\w+)", "[^"]*", 0,/ ] } grep { /^\s*\{"\w+", "\w+", "/ }
    split /\n/, read_file(source_dir() . '/mod_fhir/fhir/convert/fhir_convert.c');
@types = grep { $_->[0] } @types;
sub served { my ($column) = @_; my %names = map { $_->[$column] => 1 } @types; return join ',', sort keys %names }

# What differs, and why.
my %DIFFERS = (
    r4 => [
        [ qr/^order / => 'of several values the one that DSTU2 has a place for goes first' ],
        [ qr/^changed\ (?:Immunization\.performer\.actor|Observation\.derivedFrom|DiagnosticReport\.performer
            |Coverage\.payor)\.(?:display|reference)$/x => 'the same, beside one that is a display' ],
        # of the other versions: US Core has both codes of an oximetry
        ($ENV{FHIR_TEST_US_CORE} ? [ qr/^changed Observation\.code\.coding\.code$/ => '2708-6 comes to 59408-5' ] : ()),
        [ qr/^changed \S+\.repeat\.when$/ => 'the same, of times of the day' ],
        [ qr/^lost \S+\.reference$|^(?:lost|changed) Encounter\.reasonReference/
                => 'a type that is not served, or not allowed there, is a display; an indication is a diagnosis' ],
        [ qr/^lost CareTeam$/ => 'comes back as the CarePlan that it is in DSTU2; nobody can write one' ],
        [ qr/^\S+ Device\.udiCarrier\./ => 'DSTU2 has one text' ],
        [ qr/^changed \S+\.dataAbsentReason\.coding\.code$/ => 'DSTU2 has one code for several' ],
        [ qr/^\S+ Observation\.referenceRange\.(?:type|appliesTo)\b/ => 'DSTU2 has meaning for both' ],
        [ qr/^\S+ Observation\.effective\[x\]$/ => 'DSTU2 has no instant, but a dateTime' ],
        [ qr/^\S+ Immunization\.statusReason\b/ => 'DSTU2 has one element for it and reasonCode' ],
        [ qr/^\S+ Provenance\.agent\.type\b/ => 'DSTU2 requires a role' ],
        [ qr/^new DiagnosticReport\.(?:issued|effective\[x\])$/ => 'DSTU2 requires both' ],
        [ qr/^new Immunization\.primarySource$/ => 'DSTU2 requires reported' ],
        [ qr/^new MedicationRequest\.requester$/ => 'the recorder is the prescriber of an order without requester' ],
        [ qr/^new AllergyIntolerance\.clinicalStatus$/ => 'what is refuted is inactive' ],
    ],
    dstu2 => [
        [ qr/^order DocumentReference\.content\.format$/ => 'R4 has one' ],
        [ qr/^\S+ DiagnosticReport\.category\.coding\b/ => 'a laboratory is shown in both systems' ],
        [ qr/^\S+ Observation\.code\.coding\b/ => 'vital signs have the codes of both guides' ],
        [ qr/^\S+ Patient\.name\.family$/ => 'R4 has one family name' ],
        [ qr/^changed (?:Procedure|MedicationStatement)\.status$/
                => 'what was not done, or not taken, has no further status in R4' ],
        [ qr/^changed Immunization\.wasNotGiven$/ => 'what is entered in error has no further status in R4' ],
        [ qr/^lost Condition\.clinicalStatus$/ => 'what is entered in error has none in R4 (con-5)' ],
        [ qr/^new (?:DiagnosticReport\.effective\[x\]|DocumentReference\.created)$/ => 'shown from other elements' ],
    ],
);

sub generated {
    my (@arguments) = @_;
    my $done = run({}, 'node', source_dir() . '/t/node/dstu2-generated.js', @arguments);
    die $done->{err} if $done->{status};
    return $done->{out};
}
my $n = 0;
sub converted {
    my (@arguments) = @_;
    my $done = run({}, built('t/unit/convert_run'), @arguments);
    die "@arguments: $done->{err}" if $done->{status};
    return write_file(work_dir() . '/converted' . $n++ . '.ndjson', $done->{out});
}
sub unknown {
    my ($release, $said) = @_;
    return grep { my ($what) = /^(\S+ \S+)/; !/^compared / && !grep { $what =~ $_->[0] } @{ $DIFFERS{$release} } }
        split /\n/, $said;
}

# By the model, and by HL7's schema, which has R4's MedicationStatement.status wrong.
sub is_valid {
    my ($release, $name, $made) = @_;
    my ($way, $to) = $release eq 'r4' ? qw(out dstu2) : qw(in r4);
    my $xml = work_dir() . "/$name.xml";
    my $done = run({}, built('t/unit/convert_run'), $way, '-trip', $xml, $made);
    is $done->{status}, 0, "$name: are converted" or diag $done->{err};
    my ($count) = $done->{out} =~ /^resources (\d+)$/m;
    cmp_ok $count // 0, '>', 200, "$name: all of them";
    is_deeply [ grep { /^(?:issue|xml|back) / } split /\n/, $done->{out} ],
        [], "$name: are valid, also when they come back (seed $seed)";
    my $schema = run({}, 'xmllint', '--noout', '--schema', "$shared/$to/xsd/fhir-single.xsd", $xml);
    is_deeply [ grep { /error/ && !/'active', 'inactive', 'entered-in-error'/ } split /\n/, $schema->{err} ], [],
        "$name: valid by HL7's schema";
}

sub make {
    my ($release, $name, $folder) = @_;
    return write_file(work_dir() . "/$name.ndjson", generated('make', $release, "$shared/$release/definitions", $folder,
        served($release eq 'r4' ? 0 : 1), $seed, $each));
}

sub trip {
    my ($release, $name, $folder) = @_;
    my @ways = $release eq 'r4' ? qw(out in) : qw(in out);
    my $types = served($release eq 'r4' ? 0 : 1);
    my $made = make(@_);
    is_valid($release, $name, $made);
    my $there = converted($ways[0], $made);
    my $said = generated('compare', $release, $folder, $types, $made, converted($ways[1], $there));
    my ($values) = $said =~ /^compared (\d+) values/m;
    cmp_ok $values, '>', 1000, "$name: $values values that must be supported";
    is_deeply [ unknown($release, $said) ], [], "$name: come back as they were (seed $seed)";
    return ($made, $there);
}

for my $version (split / /, $ENV{FHIR_TEST_US_CORE} // '311 800') {
    my $folder = work_dir() . "/us_core_$version";
    mkdir $folder;
    system('tar', '-xzf', "$shared/us-core/us_core_$version.tgz", '-C', $folder, 'package') and die;
    my ($made) = trip('r4', "us-core-$version", "$folder/package");
    # nobody can write a CareTeam
    my $stored = write_file(work_dir() . '/stored.ndjson',
        join '', grep { !/"resourceType":"CareTeam"/ } read_file($made) =~ /^(.*\n)/mg);
    my $shown = converted('out', $stored);
    my $without = write_file(work_dir() . '/without.ndjson',
        generated('bare', 'r4', $shown));
    for my $way ([ 'with its extensions' => $shown ], [ 'without' => $without ]) {
        my $said = generated('whole', 'r4', $stored, converted('updates', $stored, $way->[1]));
        like $said, qr/\Acompared \d{3,} values of \d+ resources\n\z/,
            "us-core-$version: an update with what was shown, $way->[0], changes nothing";
    }
}
trip('dstu2', 'argonaut', "$shared/dstu2/argonaut/profiles");
is_valid($_, "$_-types", make($_, "$_-types", 'base')) for qw(r4 dstu2);

# What is said in an element and in the extension for another type of its choice: the element wins.
{
    my $spoken = sub {
        my ($with) = @_;
        my ($shown) = read_file(converted('out', write_file(work_dir() . '/told.ndjson',
            '{"resourceType":"Immunization","id":"i","status":"completed","vaccineCode":{"text":"MMR"},'
            . '"patient":{"reference":"Patient/p"},"occurrenceString":"as a child"}' . "\n")));
        $shown =~ s/^\{/$with/ if $with;
        my $stored = read_file(converted('in', write_file(work_dir() . '/spoken.ndjson', $shown)));
        return join ' ', $stored =~ /"(_?occurrence\w+":"[^"]+")/g;
    };
    is $spoken->(), 'occurrenceString":"as a child"', 'a time in words comes back';
    is $spoken->('{"date":"2020-05-01",'), 'occurrenceDateTime":"2020-05-01"', 'a date replaces it';
}
done_testing;
