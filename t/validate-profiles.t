#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Faults against US Core's profiles, made from the published snapshots, not from our tables: a needed
# element left out, another code than the fixed one, a reference to another type. Each is found at the
# element, or at its parent when it is missing.
use strict;
use warnings;
use Archive::Tar;
use FHIR::Test::System qw(built run source_dir work_dir write_file);
use JSON::PP ();
use Test::More;

my $folder = source_dir() . '/../shared/fhir/us-core';
plan skip_all => 'the US Core packages are not beside the source tree' unless -d $folder;
plan skip_all => 'Archive::Tar cannot read gzip' unless Archive::Tar->has_zlib_support;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# Profiles by URL, and examples.
sub package_of {
    my ($release) = @_;
    my (%profiles, @examples);
    my $next = Archive::Tar->iter("$folder/us_core_$release.tgz", 1,
        { filter => qr{^package/(?:StructureDefinition-|example/\w)[^/]*\.json$} });
    while (my $file = $next->()) {
        my $resource = $json->decode($file->get_content);
        if ($file->name =~ /example/) { push @examples, $resource }
        else { $profiles{ $resource->{url} } = $resource }
    }
    return (\%profiles, [ sort { "$a->{resourceType}/$a->{id}" cmp "$b->{resourceType}/$b->{id}" } @examples ]);
}

# The type in a choice's name in JSON: "Boolean" is boolean, "Quantity" itself.
sub type_of {
    my ($suffix) = @_;
    my %primitive = map { ucfirst($_) => $_ } qw(base64Binary boolean canonical code date dateTime decimal id instant
        integer markdown oid positiveInt string time unsignedInt uri url uuid);
    return $primitive{$suffix} || $suffix;
}

# Where an element's path leads in a resource: [ holder, member name, expression of the holder ].
sub places {
    my ($object, $expression, @names) = @_;
    my $name = shift @names;
    (my $choice = $name) =~ s/\[x\]$//;
    my ($member) = $choice eq $name ? $name : grep { /^\Q$choice\E[A-Z]/ } sort keys %$object;
    return unless defined $member && exists $object->{$member};
    my $step = $choice eq $name ? $choice : "$choice.ofType(" . type_of(substr $member, length $choice) . ')';
    return [ $object, $member, $expression, "$expression.$step" ] unless @names;
    my $value = $object->{$member};
    return map { ref $value->[$_] eq 'HASH' ? places($value->[$_], "$expression.$step\[$_]", @names) : () }
        0 .. $#$value if ref $value eq 'ARRAY';
    return ref $value eq 'HASH' ? places($value, "$expression.$step", @names) : ();
}

# The first item of an element and its expression.
sub first_item {
    my ($place) = @_;
    my ($object, $member, undef, $expression) = @$place;
    my $value = $object->{$member};
    return ref $value eq 'ARRAY' ? ($value->[0], $expression . '[0]') : ($value, $expression);
}

sub may_refer {
    my ($element) = @_;
    return grep { !$_->{targetProfile} || grep { /\/Resource$/ } @{ $_->{targetProfile} } } @{ $element->{type} };
}

# Calls fault(what, expression) with each fault in the resource, and takes it back.
sub each_fault {
    my ($resource, $element, $fault) = @_;
    my (undef, @names) = split /\./, $element->{path};
    return if !@names || $element->{id} =~ /:/ || $names[0] =~ /^(?:id|meta|text|contained)$/;
    for my $place (places($resource, $resource->{resourceType}, @names)) {
        my ($object, $member, $holder) = @$place;
        if ($element->{min} > 0 && !exists $object->{"_$member"}) {
            my $kept = delete $object->{$member};
            $fault->('left out', $holder) if %$object;
            $object->{$member} = $kept;
        }
        my ($item, $expression) = first_item($place);
        next unless ref $item eq 'HASH';
        if ($element->{patternCodeableConcept} && $item->{coding} && $item->{coding}[0]{code}) {
            local $item->{coding} = [ { %{ $item->{coding}[0] }, code => 'no-such-code' } ];
            $fault->('another code', $expression);
        }
        if ($element->{type} && $element->{type}[0]{code} eq 'Reference' && !may_refer($element)
            && $item->{reference}) {
            local $item->{reference} = 'Linkage/1';
            local $item->{type}; delete $item->{type};
            $fault->('another target', $expression);
        }
    }
    return;
}

my $all = 0;
for my $release (qw(311 610 800)) {    # the others take as long and hold as well
    my ($profiles, $examples) = package_of($release);
    my (@lines, @due);
    for my $example (@$examples) {
        for my $url (@{ $example->{meta}{profile} || [] }) {
            my $profile = $profiles->{ $url =~ s/\|.*//r } or next;
            for my $element (@{ $profile->{snapshot}{element} }) {
                each_fault($example, $element, sub {
                    my ($what, $expression) = @_;
                    push @lines, $json->encode($example) . "\n";
                    push @due, "$example->{resourceType}/$example->{id}: $element->{id} $what at $expression";
                });
            }
        }
    }
    my $file = write_file(work_dir() . "/faults-$release.ndjson", join '', @lines);
    my $done = run({}, built('fhirctl'), 'validate', '--quiet', '--release', join('.', split //, $release),
        work_dir() . "/faults-$release.ndjson");
    my %found;
    $found{$1}{$2} = 1 while $done->{out} =~ /^[^\n]*?:(\d+):\d+: error \S+ at (\S+): /mg;
    my @missed = grep { my ($expression) = $due[$_] =~ /at (\S+)$/; !$found{ $_ + 1 }{$expression} } 0 .. $#due;
    $all += @due;
    cmp_ok(scalar @due, '>', 150, "US Core $release: faults were made");
    is(join("\n", map { $due[$_] } @missed), '', 'each was found at its element');
}
note "$all faults";
done_testing;
