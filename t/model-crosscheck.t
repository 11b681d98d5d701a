#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The model's types and elements against tables that others made from the same definitions: those
# of fhirpath.js 5.2.2. Every difference is one of %KNOWN, with its reason. And the search parameters
# that US Core asks for, by the list that was made of its CapabilityStatements.
use strict;
use warnings;
use FHIR::Test::System qw(built read_file source_dir);
use JSON::PP;
use Test::More;

my $data = source_dir() . '/../shared/fhir/models/fhirpath-5.2.2';
plan skip_all => 'the tables of fhirpath.js are not beside the source tree' unless -d $data;

# Patterns of differences, and why they are right.
my @BOTH = (
    [ qr/^\S+: below an element of type \w+$/ => 'slices of data types are no elements of their own' ],
    [ qr/^\w+Quantity base: missing, not Quantity$/ => 'profiles of Quantity have its JSON names' ],
);
my %KNOWN = (
    R4 => [
        @BOTH,
        [ qr/^\S+\.id: (?:id|string), not System\.String$/ => 'R4 writes the type of ids in an extension' ],
        [ qr/^Extension\.url: uri, not System\.String$/ => 'R4 writes the type of url in an extension' ],
        [ qr/^[a-z]\w+\.value: missing$/ => 'the value of a primitive is no JSON member' ],
        [ qr/^xhtml\.extension: missing$/ => 'xhtml may have no extension: its maximum is 0' ],
    ],
    DSTU2 => [
        @BOTH,
        [ qr/^(?:Age|Count|Distance|Duration|Money) base: missing/ => 'profiles of Quantity here, too' ],
        [ qr/^[a-z]\w+\.extension: not in/ => 'derived primitives have the elements of their base' ],
    ],
);

sub table {
    my ($version, $name) = @_;
    return decode_json(read_file("$data/$version/$name.json"));
}

# Types, elements and choices as the compiled model has them.
sub model {
    my ($label) = @_;
    my %model;
    open my $in, '-|', built('t/unit/model_test'), $label or die $!;
    while (<$in>) {
        chomp;
        my ($kind, @cells) = split /\t/, $_, -1;
        if ($kind eq 'T') { $model{parent}{ $cells[0] } = $cells[1]; next }
        if ($kind eq 'P') { $model{param}{"$cells[0] | `$cells[1]`"} = $cells[2]; next }
        my ($owner, $name, $group, $type, $max, $targets) = @cells;
        $model{element}{"$owner.$name"} = { type => $type, max => $max, targets => sorted($targets) };
        push @{ $model{choice}{"$owner.$group"} }, $type if $group;
    }
    close $in or die "model_test $label: $?";
    return \%model;
}

sub sorted { my %once = map { $_ => 1 } split ' ', $_[0]; return join ' ', sort keys %once }

# An element's allowed targets against theirs. None is any here; of DSTU2's several type entries the
# tables keep one.
sub targets_agree {
    my ($got, $want, $version) = @_;
    return 1 if $got eq '' && grep { $_ eq 'Resource' } @$want;
    return sorted("@$want") eq $got unless $version eq 'dstu2' && @$want;
    return $got eq '' || grep { $_ eq $want->[0] } split ' ', $got;
}

# The data type into which a path goes on, or ''.
sub below {
    my ($path, $types) = @_;
    while ($path =~ s/\.\w+$//) {
        my $type = $types->{$path} or return '';
        $type = $type->{code} if ref $type;
        return $type if $type !~ /^(?:Backbone)?Element$/;
    }
    return '';
}

sub differences {
    my ($label, $version) = @_;
    my $model    = model($label);
    my $element  = $model->{element};
    my $repeats  = { map { $_ => 1 } @{ table($version, 'path2Repeating') } };
    my (@found, %seen);
    my $differ = sub { push @found, "$_[0]: $_[1], not $_[2]" if $_[1] ne $_[2] };

    my $types = table($version, 'path2Type');
    for my $path (sort keys %$types) {
        my $want = ref $types->{$path} ? $types->{$path} : { code => $types->{$path} };
        my $e = $seen{$path} = $element->{$path};
        if (!$e) {
            my $type = below($path, $types);
            push @found, $type ? "$path: below an element of type $type" : "$path: missing";
            next;
        }
        # A backbone is named by its path.
        $differ->($path, $e->{type} eq $path ? $model->{parent}{$path} : $e->{type}, $want->{code});
        push @found, "$path: targets $e->{targets}, not @{ $want->{refType} }"
            if $e->{type} eq 'Reference' && !targets_agree($e->{targets}, $want->{refType} || [], $version);
    }
    my $elsewhere = table($version, 'pathsDefinedElsewhere');
    for my $path (sort keys %$elsewhere) {
        my $e = $seen{$path} = $element->{$path};
        $differ->($path, $e ? $e->{type} : 'missing', $elsewhere->{$path});
    }
    my $choices = table($version, 'choiceTypePaths');
    for my $path (sort keys %$choices) {
        my $got = $model->{choice}{$path} or next;    # its entries were compared above
        $differ->("$path choice", sorted("@{ [ map {ucfirst} @$got ] }"), sorted("@{ $choices->{$path} }"));
    }
    for my $path (sort keys %$element) {
        if (!$seen{$path}) { push @found, "$path: not in the tables"; next }
        next if $elsewhere->{$path};    # their list of what repeats has no content references
        $differ->("$path max", $element->{$path}{max}, $repeats->{$path} ? '*' : '1');
    }
    my $parents = table($version, 'type2Parent');
    $differ->("$_ base", $model->{parent}{$_} // 'missing', $parents->{$_}) for sort keys %$parents;
    return (\@found, scalar keys %seen);
}

for ([ R4 => 'r4', 5000 ], [ DSTU2 => 'dstu2', 3000 ]) {
    my ($label, $version, $least) = @$_;
    my ($found, $compared) = differences($label, $version);
    my %used;
    my @unknown;
    for my $difference (@$found) {
        my ($known) = grep { $difference =~ $_->[0] } @{ $KNOWN{$label} };
        if ($known) { $used{ $known->[1] }++ }
        else { push @unknown, $difference }
    }
    is(join("\n", @unknown), '', "$label: no difference without a reason");
    diag("$label: $used{$_} differences: $_") for sort keys %used;
    is(scalar(keys %used), scalar @{ $KNOWN{$label} }, "$label: every reason is still needed");
    cmp_ok($compared, '>', $least, "$label: elements compared");
}

SKIP: {
    my $list = source_dir() . '/../shared/us-core-requirements.md';
    skip 'the list of what US Core asks for is not there', 2 unless -f $list;
    my ($section) = read_file($list) =~ /^## 4\. (.*?)^## 5\. /ms;
    my @wanted = $section =~ /^\| (\w+ \| `[\w-]+`) \|/mg;
    my $param  = model('R4')->{param};
    cmp_ok(scalar @wanted, '>', 100, 'US Core: the list has parameters');
    is(join("\n", grep { ($param->{$_} // '') ne 'found' } @wanted), '', 'all have values to search');
}
done_testing;
