# SPDX-License-Identifier: Apache-2.0
# A second, independent reading of profiles, for tests of data: holds resources against the snapshots
# of a FHIR package (cardinality, types, fixed values, patterns, slices, required value sets, extensions) and
# notes which must-support elements were met. Without FHIRPath: invariants are not evaluated.
package FHIR::Test::Profiles;

use strict;
use warnings;
use FHIR::Test::System qw(run work_dir);
use JSON::PP ();

my $json = JSON::PP->new->utf8;

# Value sets that slices are told apart by but that no package holds; members as in the examples.
my %LENT = (
    'http://cts.nlm.nih.gov/fhir/ValueSet/2.16.840.1.113883.11.20.9.69.4' =>
        { 'http://loinc.org|42348-3' => 1 },
    'http://terminology.hl7.org/ValueSet/v3-UnitsOfMeasureCaseSensitive' => undef,
);

sub slurp_json {
    my ($file) = @_;
    open my $in, '<:raw', $file or die "$file: $!";
    local $/;
    return $json->decode(scalar <$in>);
}

# package: a .tgz; base: the folder with HL7's definitions of R4 (profiles-others, valuesets).
sub new {
    my ($class, %options) = @_;
    my $self = bless { sd => {}, vs => {}, cs => {}, tree => {}, met => {}, base => $options{base} }, $class;
    my $dir = work_dir() . '/' . ($options{package} =~ s{.*/}{}r);
    mkdir $dir or die "$dir: $!";
    my $done = run({}, 'tar', 'xzf', $options{package}, '-C', $dir);
    die $done->{err} if $done->{status};
    for my $file (glob "$dir/package/{StructureDefinition,ValueSet,CodeSystem}-*.json") {
        $self->add(slurp_json($file));
    }
    for my $name (@{ $options{others} || [] }) {
        $self->add($self->definition('profiles-others', $name) // die "$name is not in profiles-others");
    }
    return $self;
}

sub add {
    my ($self, $resource) = @_;
    my $kind = { StructureDefinition => 'sd', ValueSet => 'vs', CodeSystem => 'cs' }->{ $resource->{resourceType} };
    $self->{$kind}{ $resource->{url} } = $resource;
    return;
}

# One resource of HL7's Bundles, which have an entry a line.
sub definition {
    my ($self, $bundle, $url) = @_;
    my $lines = $self->{lines}{$bundle} //= do {
        my $done = run({}, 'gzip', '-dc', "$self->{base}/$bundle.json.gz");
        die $done->{err} if $done->{status};
        [split /\n/, $done->{out}];
    };
    my ($line) = grep { index($_, "\"url\":\"$url\"") >= 0 && /^,?\{"fullUrl":"\Q$url\E"/ } @$lines;
    return undef if !$line;
    $line =~ s/^,//;
    $line =~ s/,$//;
    return $json->decode($line)->{resource};
}

# The profiles of resources (extensions left out): URL => type.
sub profiles {
    my ($self) = @_;
    return map { $_->{url} => $_->{type} } grep { $_->{kind} eq 'resource' } values %{ $self->{sd} };
}

# ---- value sets ----

sub concepts {
    my ($into, $system, $list) = @_;
    for (@$list) {
        $into->{"$system|$_->{code}"} = 1;
        concepts($into, $system, $_->{concept} || []);
    }
    return;
}

# Members as { "system|code" => 1 }, or undef when they are not known in full.
sub members {
    my ($self, $url) = @_;
    $url =~ s/\|.*//;
    return $LENT{$url} if exists $LENT{$url};
    return $self->{members}{$url} if exists $self->{members}{$url};
    $self->{members}{$url} = undef;
    my $vs = $self->{vs}{$url} // $self->definition('valuesets', $url) // return;
    my %all;
    for my $include (@{ $vs->{compose}{include} || [] }) {
        for my $other (@{ $include->{valueSet} || [] }) {
            my $set = $self->members($other) // return;
            $all{$_} = 1 for keys %$set;
        }
        my $system = $include->{system} // next;
        return if $include->{filter};
        if ($include->{concept}) {
            concepts(\%all, $system, $include->{concept});
            next;
        }
        my $cs = $self->{cs}{$system} // $self->definition('valuesets', $system) // return;
        return if ($cs->{content} // '') ne 'complete';
        concepts(\%all, $system, $cs->{concept});
    }
    for my $exclude (@{ $vs->{compose}{exclude} || [] }) {
        return if !$exclude->{concept};
        delete $all{"$exclude->{system}|$_->{code}"} for @{ $exclude->{concept} };
    }
    return $self->{members}{$url} = \%all;
}

# 1 if a code, Coding, CodeableConcept or Quantity is in the set; undef when that is not known.
sub is_member {
    my ($self, $url, $value) = @_;
    my $set = $self->members($url) // return undef;
    if (!ref $value) {
        return scalar grep { /\|\Q$value\E$/ } keys %$set;
    }
    my @codings = $value->{coding} ? @{ $value->{coding} } : $value->{code} ? ($value) : ();
    return scalar grep { $set->{ ($_->{system} // '') . '|' . ($_->{code} // '') } } @codings;
}

# ---- snapshots as trees ----

sub tree {
    my ($self, $url) = @_;
    return $self->{tree}{$url} if $self->{tree}{$url};
    my $sd = $self->{sd}{$url} // return undef;
    my $root;
    for my $element (@{ $sd->{snapshot}{element} }) {
        my ($top, @steps) = split /\./, $element->{id};
        my $node = $root;
        if (!@steps) {
            $root = { def => $element, id => $element->{id}, name => $top, children => {}, order => [] };
            next;
        }
        for my $step (@steps) {
            my ($name, $slice) = split /:/, $step, 2;
            my $next = $node->{children}{$name};
            if (!$next) {
                $next = $node->{children}{$name} = { name => $name, children => {}, order => [], slices => [] };
                push @{ $node->{order} }, $name;
            }
            if (defined $slice) {
                my ($found) = grep { $_->{slice} eq $slice } @{ $next->{slices} };
                if (!$found) {
                    $found = { name => $name, slice => $slice, children => {}, order => [], slices => [] };
                    push @{ $next->{slices} }, $found;
                }
                $next = $found;
            }
            $node = $next;
        }
        $node->{def} = $element;
        $node->{id} = $element->{id};
    }
    return $self->{tree}{$url} = $root;
}

# ---- values ----

# The values of a child: [value, type of a choice or undef, the _member of a primitive].
sub child_values {
    my ($value, $name, $side) = @_;
    if ($name =~ /^(.*)\[x\]$/) {
        my $stem = $1;
        return () if ref $value ne 'HASH';
        my ($key) = grep { /^_?\Q$stem\E[A-Z]/ } sort keys %$value;
        return () if !defined $key;
        $key =~ s/^_//;
        return ([$value->{$key}, substr($key, length $stem), $value->{"_$key"}]);
    }
    my $holder = ref $value eq 'HASH' ? $value : $side // {};
    my ($v, $s) = ($holder->{$name}, $holder->{"_$name"});
    return () if !defined $v && !defined $s;
    if (ref $v eq 'ARRAY' || ref $s eq 'ARRAY') {
        my $n = @{ $v || [] } > @{ $s || [] } ? @{ $v || [] } : @{ $s || [] };
        return map { [$v->[$_], undef, $s && $s->[$_]] } 0 .. $n - 1;
    }
    return ([$v, undef, $s]);
}

sub fixed_of {
    my ($def, $prefix) = @_;
    my ($key) = grep { /^\Q$prefix\E[A-Z]/ } keys %$def;
    return $key ? $def->{$key} : undef;
}

sub contains {
    my ($value, $pattern) = @_;
    if (ref $pattern eq 'HASH') {
        return 0 if ref $value ne 'HASH';
        for my $key (keys %$pattern) {
            return 0 if !defined $value->{$key} || !contains($value->{$key}, $pattern->{$key});
        }
        return 1;
    }
    if (ref $pattern eq 'ARRAY') {
        return 0 if ref $value ne 'ARRAY';
        for my $wanted (@$pattern) {
            return 0 if !grep { contains($_, $wanted) } @$value;
        }
        return 1;
    }
    return !ref $value && $value eq $pattern;
}

# 1 if what the node and the nodes below it fix holds for the value.
sub agrees {
    my ($self, $node, $value) = @_;
    my $def = $node->{def} || {};
    my $wanted = fixed_of($def, 'fixed') // fixed_of($def, 'pattern');
    return contains($value, $wanted) if defined $wanted;
    if (my $binding = $def->{binding}) {
        if ($binding->{strength} eq 'required' && $binding->{valueSet}) {
            my $in = $self->is_member($binding->{valueSet}, $value);
            return $in if defined $in;
        }
    }
    my $checked = 0;
    for my $name (@{ $node->{order} }) {
        my $child = $node->{children}{$name};
        next if !has_fixed($child);
        $checked = 1;
        return 0 if !grep { $self->agrees($child, $_->[0]) } child_values($value, $name);
    }
    return $checked;
}

sub has_fixed {
    my ($node) = @_;
    return 1 if grep { /^(?:fixed|pattern)[A-Z]/ } keys %{ $node->{def} || {} };
    return scalar grep { has_fixed($_) } values %{ $node->{children} };
}

# 1 if a value belongs to a slice of node.
sub in_slice {
    my ($self, $node, $slice, $item) = @_;
    my ($value, $type) = @$item;
    return lc $type eq lc($slice->{def}{type}[0]{code}) if $node->{name} =~ /\[x\]$/;
    if ($node->{name} eq 'extension') {
        my $url = $slice->{def}{type}[0]{profile} ? $slice->{def}{type}[0]{profile}[0]
            : $slice->{children}{url} ? $slice->{children}{url}{def}{fixedUri} : $slice->{slice};
        return ($value->{url} // '') eq $url;
    }
    for my $discriminator (@{ $node->{def}{slicing}{discriminator} || [] }) {
        my @path = grep { $_ ne '$this' } split /\./, $discriminator->{path};
        my ($at, @values) = ([$slice], $value);
        my $whole = fixed_of($slice->{def}, 'pattern');
        for my $step (@path) {
            $whole = ref $whole eq 'HASH' ? $whole->{$step} : undef;
            $at = [map { ($_, @{ $_->{slices} }) } grep { $_ } map { $_->{children}{$step} } @$at];
            @values = map { $_->[0] } map { child_values($_, $step) } @values;
        }
        my $good = defined $whole ? grep { contains($_, $whole) } @values
            : grep { my $node = $_; grep { $self->agrees($node, $_) } @values } @$at;
        return 0 if !$good;
    }
    return 1;
}

# ---- checking ----

# Findings on a resource against a profile: texts "path: what is wrong". Must-support elements that
# are met are noted.
sub check {
    my ($self, $resource, $url) = @_;
    my $root = $self->tree($url) // return ("no profile $url");
    my @findings;
    my $met = $self->{met}{$url} //= {};
    $self->check_children($root, $resource, undef, $resource->{resourceType}, \@findings, $met);
    return @findings;
}

sub check_children {
    my ($self, $node, $value, $side, $path, $findings, $met) = @_;
    for my $name (@{ $node->{order} }) {
        my $child = $node->{children}{$name};
        my @values = child_values($value, $name, $side);
        $self->check_element($child, \@values, "$path.$name", $findings, $met);
    }
    return;
}

sub check_element {
    my ($self, $node, $values, $path, $findings, $met) = @_;
    my $def = $node->{def};
    if ($def) {
        my ($min, $max) = ($def->{min} // 0, $def->{max} // '*');
        push @$findings, "$path: at least $min wanted, " . @$values . ' there' if @$values < $min;
        push @$findings, "$path: at most $max wanted, " . @$values . ' there' if $max ne '*' && @$values > $max;
        $self->check_value($node, $_, $path, $findings, $met) for @$values;
    }
    for my $slice (@{ $node->{slices} || [] }) {
        my @in = grep { defined $_->[0] && $self->in_slice($node, $slice, $_) } @$values;
        my ($min, $max) = ($slice->{def}{min} // 0, $slice->{def}{max} // '*');
        push @$findings, "$path:$slice->{slice}: at least $min wanted, " . @in . ' there' if @in < $min;
        push @$findings, "$path:$slice->{slice}: at most $max wanted, " . @in . ' there' if $max ne '*' && @in > $max;
        $self->check_value($slice, $_, "$path:$slice->{slice}", $findings, $met) for @in;
    }
    my $rules = $def && $def->{slicing} && $def->{slicing}{rules} // '';
    if ($rules eq 'closed') {
        for my $item (@$values) {
            push @$findings, "$path: in no slice, of which there are no others"
                if !grep { $self->in_slice($node, $_, $item) } @{ $node->{slices} };
        }
    }
    return;
}

my %PRIMITIVE_OF = (dateTime => 'DateTime', string => 'String', boolean => 'Boolean', integer => 'Integer',
    decimal => 'Decimal', date => 'Date', time => 'Time', code => 'Code', uri => 'Uri', instant => 'Instant');

sub check_value {
    my ($self, $node, $item, $path, $findings, $met) = @_;
    my ($value, $type, $side) = @$item;
    my $def = $node->{def};
    $met->{ $def->{id} } = 1 if defined $value || $side;
    my @types = @{ $def->{type} || [] };
    if (defined $type) {
        push @$findings, "$path: type $type is not one of " . join ' ', map { $_->{code} } @types
            if !grep { ucfirst $_->{code} eq $type } @types;
        $met->{"$def->{id} as $type"} = 1;
    }
    if (ref $value eq 'HASH' && defined $value->{reference} && $value->{reference} =~ m{^(\w+)/}) {
        my $target = $1;
        my @targets = map { @{ $_->{targetProfile} || [] } } @types;
        push @$findings, "$path: a reference to $target is not allowed"
            if @targets && !grep { $self->type_of($_) eq $target || $self->type_of($_) eq 'Resource' } @targets;
        $met->{"$def->{id} to $target"} = 1;
    }
    return if !defined $value && $side;    # data-absent-reason stands for the value
    my $fixed = fixed_of($def, 'fixed');
    push @$findings, "$path: is not " . $json->encode([$fixed]) if defined $fixed && !contains($value, $fixed);
    my $pattern = fixed_of($def, 'pattern');
    push @$findings, "$path: lacks " . $json->encode([$pattern]) if defined $pattern && !contains($value, $pattern);
    if ($def->{binding} && $def->{binding}{strength} eq 'required' && $def->{binding}{valueSet}) {
        my $in = $self->is_member($def->{binding}{valueSet}, $value);
        push @$findings, "$path: not in $def->{binding}{valueSet}" if defined $in && !$in;
    }
    if ($node->{name} eq 'extension' && !$node->{slice}) {
        $self->check_extension($value, $path, $findings);
    }
    $self->check_children($node, $value, $side, $path, $findings, $met) if @{ $node->{order} };
    return;
}

# The extension's own definition, when the package has it.
sub check_extension {
    my ($self, $value, $path, $findings) = @_;
    my $url = $value->{url} // '';
    return if !$self->{sd}{$url};    # extensions are open: other versions have others
    my %ignored;
    $self->check_children($self->tree($url), $value, undef, "$path($url)", $findings, \%ignored);
    return;
}

# The resource type a profile is of.
sub type_of {
    my ($self, $url) = @_;
    return $self->{sd}{$url}{type} if $self->{sd}{$url};
    return $url =~ m{/StructureDefinition/(\w+)$} ? $1 : $url;
}

sub flag {
    my ($extensions, $name) = @_;
    return scalar grep { $_->{url} =~ m{/\Q$name\E$} && $_->{valueBoolean} } @{ $extensions || [] };
}

# What a profile wants to be supported and no resource checked so far has: element ids, "id as Type" for
# the choices and "id to Type" for the reference targets that are marked.
sub unmet {
    my ($self, $url) = @_;
    my $met = $self->{met}{$url} || {};
    my @wanted;
    for my $element (@{ $self->{sd}{$url}{snapshot}{element} }) {
        next if !$element->{mustSupport} && !flag($element->{extension}, 'uscdi-requirement');
        next if ($element->{max} // '') eq '0';
        push @wanted, $element->{id};
        for my $type (@{ $element->{type} || [] }) {
            push @wanted, "$element->{id} as " . ucfirst $type->{code}
                if $element->{id} =~ /\[x\]$/ && flag($type->{extension}, 'elementdefinition-type-must-support');
            my $i = 0;
            for my $target (@{ $type->{_targetProfile} || [] }) {
                push @wanted, "$element->{id} to " . $self->type_of($type->{targetProfile}[$i])
                    if $target && flag($target->{extension}, 'elementdefinition-type-must-support');
                $i++;
            }
        }
    }
    my %seen;
    return grep { !$met->{$_} && !$seen{$_}++ } @wanted;
}

1;
